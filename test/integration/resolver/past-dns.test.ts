import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ResolverConfig } from '../../../resolver/config.ts';
import { parseNetwork } from '../../../resolver/forwarding/allow.ts';
import { type PastAnswerJson, pastText } from '../../../shared/text/past-text.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { dig, haveDig } from '../../support/servers/dig.ts';
import { skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { freePort } from '../../support/servers/ports.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { rollcall, startRollcall } from '../../support/servers/rollcall.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/past over DNS');
const processes = suite('integration/past over DNS, as programs');
const run = promisify(execFile);

const WEB_A = '/skydns/org/example/web/node-1/a';

/** What an HTTP answer or `rollcall at` says, as far as a set of records can: no tabs, and no empty lines. */
const linesOf = (text: string): string[] =>
  text
    .replaceAll('\t', ' ')
    .split('\n')
    .filter((line) => line !== '');

/** The records' texts as dig gives them to a script, unquoted. */
async function digShort(port: number, ...args: string[]): Promise<string[]> {
  const { stdout } = await run('dig', ['@127.0.0.1', '-p', String(port), '+short', '+tries=1', ...args]);
  const strings = stdout.split('\n').filter((line) => line !== '');
  // Strings of one record stand side by side, each in its quotes.
  return strings.map((line) => line.slice(1, -1).replaceAll('" "', '').replace(/\\(.)/g, '$1'));
}

async function withResolver(
  use: (running: RunningResolver, store: ScriptedStore, port: number) => Promise<void>,
  config: Partial<ResolverConfig> = {},
): Promise<void> {
  const store = new ScriptedStore();
  store.put(WEB_A, '{"host":"192.0.2.1","port":80,"text":"one \\"quoted\\" \\\\ text"}');
  const running = await startResolver(store, { config });
  try {
    await until('the zone', () => running.resolver.notReady().length === 0 || undefined);
    const [server] = running.resolver.addresses;
    await use(running, store, server?.port ?? 0);
  } finally {
    await running.stop();
    await store.close();
  }
}

async function atOverHttp(running: RunningResolver, atMs: number, name: string, type: string): Promise<string[]> {
  return linesOf(pastText((await running.get(`/v1/at?time=${atMs}&name=${name}&type=${type}`)) as PastAnswerJson));
}

const nextMillisecond = (nowMs = Date.now()): Promise<true> =>
  until('the clock to go on', () => Date.now() > nowMs + 1 || undefined, { everyMs: 1 });

for (const workers of [1, 2]) {
  test(`dig CH TXT says what /v1/at says, of every moment and type, with ${workers} workers`, async () => {
    await withResolver(
      async (running, store, port) => {
        const moments = [Date.now()];
        const step = async (change: () => void): Promise<void> => {
          await nextMillisecond();
          change();
          await nextMillisecond();
          await until('the change', async () => {
            const { revision } = (await running.get('/v1/services')) as { revision: string };
            return revision === String(store.revision) || undefined;
          });
          moments.push(Date.now());
        };
        await step(() => store.put('/skydns/org/example/web/node-2/b', '{"host":"192.0.2.2","port":80}'));
        await step(() => store.remove(WEB_A));
        await step(() =>
          store.put('/skydns/org/example/web/node-2/b', `{"host":"192.0.2.3","text":"${'x'.repeat(600)}"}`),
        );
        for (const atMs of moments) {
          for (const type of ['A', 'SRV', 'TXT']) {
            for (const [label, name] of [
              ['web', 'web'],
              ['WEB.example.org', 'web.example.org'],
              ['gone.example.org', 'gone.example.org'],
            ] as const) {
              const told = await digShort(port, 'CH', 'TXT', `${atMs}.${type}.${label}.at.rollcall`);
              assert.equal(told, await atOverHttp(running, atMs, name, type), `${type} of ${name} at ${atMs}`);
            }
          }
        }
        // A moment as a person writes it, in a letter case as a resolver that uses 0x20 sends it.
        const iso = new Date(moments[1] as number).toISOString();
        const told = await digShort(port, 'CH', 'TXT', `${iso.replace(/[:.]/g, '-')}.sRv.wEb.At.rOLLcall`);
        assert.equal(told, await atOverHttp(running, moments[1] as number, 'web', 'SRV'));
      },
      { workers },
    );
  });
}

test('what is no answer says why, with an RCODE that fits', async () => {
  await withResolver(async (_running, _store, port) => {
    for (const [question, status, pattern] of [
      ['25-61.web.at.rollcall', 'NXDOMAIN', /25-61.*is no moment; write 14-32/],
      ['2999-01-01.web.at.rollcall', 'NXDOMAIN', /still to come/],
      ['30d.web.at.rollcall', 'NXDOMAIN', /does not reach back to .*; ask for a later moment/],
      ['15m.at.rollcall', 'NXDOMAIN', /names nothing to ask for/],
    ] as const) {
      const answer = await dig({ host: '127.0.0.1', port }, 'CH', 'TXT', question);
      assert.is(answer.status, status, question);
      assert.is(answer.answer.length, 1);
      assert.match(answer.text, pattern);
    }
  });
});

test('ordinary questions for these names are answered as those for any name outside the zones', async () => {
  await withResolver(async (_running, _store, port) => {
    for (const type of ['A', 'AAAA', 'TXT', 'ANY']) {
      const answer = await dig({ host: '127.0.0.1', port }, '15m.web.at.rollcall', type);
      assert.is(answer.status, 'REFUSED', type);
      assert.match(answer.text, /EDE: 20/);
    }
  });
});

for (const [who, networks] of [
  ['nobody', []],
  ['another network', ['10.0.0.0/8']],
] as const) {
  test(`with the past for ${who}, a client on loopback is refused, and told that it may not`, async () => {
    const pastClients = networks.flatMap((text) => parseNetwork(text) ?? []);
    await withResolver(
      async (_running, _store, port) => {
        for (const transport of ['+notcp', '+tcp']) {
          const answer = await dig({ host: '127.0.0.1', port }, transport, 'CH', 'TXT', '15m.web.at.rollcall');
          assert.is(answer.status, 'REFUSED');
          assert.match(answer.text, /EDE: 18/);
          assert.equal(answer.answer, []);
        }
        const version = await dig({ host: '127.0.0.1', port }, 'CH', 'TXT', 'version.bind');
        assert.is(version.status, 'NOERROR');
      },
      { pastClients },
    );
  });
}

processes('dig CH TXT prints what `rollcall at` prints, of a resolver on etcd', async () => {
  const etcd = await startEtcd();
  const [dnsPort, httpPort] = [await freePort(), await freePort()];
  const http = `127.0.0.1:${httpPort}`;
  const resolver = startRollcall([
    'resolver',
    ...['--etcd', etcd.url, '--zone', 'example.org', '--listen', `127.0.0.1:${dnsPort}`, '--http', http],
    ...['--data-dir', temporaryDirectory(), '--forward', 'none'],
  ]);
  await resolver.logged('dns-listening');
  await etcd.ctl('put', WEB_A, '{"host":"192.0.2.1","port":80}');
  const addresses = async () => (await dig({ host: '127.0.0.1', port: dnsPort }, 'web.example.org', 'A')).answer.length;
  await until('the record', async () => (await addresses()) === 1 || undefined);
  const atMs = Date.now();
  await nextMillisecond();
  await etcd.ctl('del', WEB_A);
  await until('its end', async () => (await addresses()) === 0 || undefined);
  for (const [moment, isThere] of [
    [atMs, true],
    [Date.now(), false],
  ] as const) {
    const time = new Date(moment).toISOString();
    const printed = await rollcall(['at', time, 'web', 'SRV', '--http', http]);
    assert.is(printed.exit, 0, printed.stderr);
    const told = await digShort(dnsPort, 'CH', 'TXT', `${time.replace(/[:.]/g, '-')}.srv.web.at.rollcall`);
    assert.equal(told, linesOf(printed.stdout));
    assert.is(told.includes('web.example.org. 5 IN SRV 10 100 80 a.node-1.web.example.org.'), isThere);
  }
  assert.is(await resolver.end('SIGTERM'), 0);
  await etcd.stop();
});

if (!haveDig()) console.log('SKIP integration/past over DNS: dig is missing; install the package bind9-dnsutils');
else {
  test.run();
  if (!skipWithoutEtcd('integration/past over DNS, as programs')) processes.run();
}
