import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { askUdp } from '../../support/servers/dns-client.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/answered');

const WEB = '/skydns/org/example/web/node-1/a';

interface Answered {
  readonly type: string;
  readonly atMs: number;
  readonly revision: string;
  readonly key: string;
  readonly question: string;
  readonly outcome: string;
  readonly afterMs: number;
}

async function started(workers: number): Promise<{ store: ScriptedStore; running: RunningResolver }> {
  const store = new ScriptedStore();
  store.put('/skydns/org/example/other/node-1/a', '{"host":"192.0.2.9","port":80}');
  const running = await startResolver(store, { config: { workers } });
  await until('the zone', () => running.resolver.notReady().length === 0 || undefined);
  return { store, running };
}

async function rcodeOf({ resolver }: RunningResolver, name: string): Promise<string> {
  const [server] = resolver.addresses;
  if (server === undefined) throw new Error('the resolver does not listen');
  return ((await askUdp(server, { name, type: 'A' })) as unknown as { rcode: string }).rcode;
}

/** Of the journal, as anyone can read it. */
async function answeredIn(running: RunningResolver): Promise<readonly Answered[]> {
  const { history } = (await running.get('/v1/history')) as { history: readonly Answered[] };
  return history.filter(({ type }) => type === 'ChangeAnswered');
}

for (const workers of [1, 2]) {
  test(`with ${workers} answering: coming and going are each answered first once, and counted as a leg`, async () => {
    const { store, running } = await started(workers);
    const asked = async (rcode: string): Promise<void> => {
      await until(rcode, async () => (await rcodeOf(running, 'web.example.org')) === rcode || undefined);
      // All workers: each of them looks it up, and knows nothing of the other.
      await Promise.all(Array.from({ length: 20 }, () => rcodeOf(running, 'web.example.org')));
    };
    store.put(WEB, '{"host":"192.0.2.1","port":80}');
    await asked('NOERROR');
    store.remove(WEB);
    await asked('NXDOMAIN');
    const events = await until('both in the journal', async () => {
      const found = await answeredIn(running);
      return found.length === 2 ? found : undefined;
    });
    assert.equal(
      events.map(({ key, question, outcome }) => [key, question, outcome]),
      [
        [WEB, 'web.example.org. A', 'answer'],
        [WEB, 'web.example.org. A', 'nxdomain'],
      ],
    );
    for (const { afterMs } of events) assert.ok(afterMs >= 0 && afterMs < 10_000, String(afterMs));
    const metrics = await running.metrics.text();
    assert.match(metrics, 'rollcall_leg_seconds_count{leg="answered",service="web"} 2');
    assert.match(metrics, 'rollcall_resolver_changes_unanswered 0');
    await running.stop();
    await store.close();
  });
}

test('a stop keeps what was answered a moment before, and what nobody asked for is only counted', async () => {
  const { store, running } = await started(1);
  store.put(WEB, '{"host":"192.0.2.1","port":80}');
  store.put('/skydns/org/example/api/node-1/a', '{"host":"192.0.2.2","port":80}');
  await until('the answer', async () => (await rcodeOf(running, 'web.example.org')) === 'NOERROR' || undefined);
  await until('the other', async () => {
    const metrics = await running.metrics.text();
    return metrics.includes('rollcall_resolver_changes_unanswered 1\n') || undefined;
  });
  const { dataDir } = running;
  await running.stop();
  const again = await startResolver(store, { dataDir });
  const events = await answeredIn(again);
  assert.equal(
    events.map(({ question }) => question),
    ['web.example.org. A'],
  );
  await again.stop();
  await store.close();
});

test.run();
