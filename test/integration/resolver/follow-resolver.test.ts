import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpError } from '../../../shared/http.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { askUdp, recordTexts } from '../../support/servers/dns-client.ts';
import { startDnsUpstream } from '../../support/servers/dns-upstream.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/follow-resolver');

const WEB_A = '/skydns/org/example/web/node-1/a';
const WEB_B = '/skydns/org/example/web/node-2/b';

function storeOf(records: Readonly<Record<string, object>>): ScriptedStore {
  const store = new ScriptedStore();
  for (const [key, value] of Object.entries(records)) store.put(key, JSON.stringify(value));
  return store;
}

/** `rcode`, then the answers' rdata in order. */
async function ask({ resolver }: RunningResolver, name: string, type: 'A' | 'SRV' | 'TXT' = 'A'): Promise<string[]> {
  const [server] = resolver.addresses;
  if (server === undefined) throw new Error('the resolver does not listen');
  const packet = await askUdp(server, { name, type, edns: {} });
  return [(packet as unknown as { rcode: string }).rcode, ...recordTexts(packet.answers).sort()];
}

const ready = (running: RunningResolver): Promise<true> =>
  until('the resolver to be ready', () => running.resolver.notReady().length === 0 || undefined);

test('answers from the store, and each change at once', async () => {
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1', port: 80 } });
  const running = await startResolver(store);
  await ready(running);
  assert.equal(await ask(running, 'web.example.org'), ['NOERROR', 'web.example.org A 192.0.2.1']);
  assert.equal(await ask(running, 'api.example.org'), ['NXDOMAIN']);
  store.put(WEB_B, '{"host":"192.0.2.2"}');
  store.put('/skydns/org/example/api/x', '{"host":"192.0.2.3"}');
  assert.equal(await ask(running, 'web.example.org'), [
    'NOERROR',
    'web.example.org A 192.0.2.1',
    'web.example.org A 192.0.2.2',
  ]);
  assert.equal(await ask(running, 'api.example.org'), ['NOERROR', 'api.example.org A 192.0.2.3']);
  store.remove(WEB_A);
  store.remove(WEB_B);
  assert.equal(await ask(running, 'web.example.org'), ['NXDOMAIN']);
  await running.stop();
  await store.close();
});

test('the TTL is the time left on the lease as soon as that is known, and no query asks for it', async () => {
  const store = new ScriptedStore();
  const lease = '77' as LeaseId;
  store.leases.set(lease, { grantedSeconds: 60, remainingSeconds: 42 });
  const running = await startResolver(store, { config: { defaultTtlSeconds: 3000 } });
  await ready(running);
  store.put(WEB_A, '{"host":"192.0.2.1"}', lease);
  const ttl = async (): Promise<unknown> => {
    const [server] = running.resolver.addresses;
    if (server === undefined) throw new Error('the resolver does not listen');
    const { answers = [] } = await askUdp(server, { name: 'web.example.org' });
    return answers.map((record) => (record as { ttl: number }).ttl)[0];
  };
  await until('the time left', async () => (await ttl()) === 42);
  for (let n = 0; n < 50; n += 1) await ttl();
  assert.is(store.timeToLiveCalls.length, 1);
  await running.stop();
});

test('never synced is SERVFAIL, not NXDOMAIN, and not ready', async () => {
  const store = storeOf({});
  store.down();
  const running = await startResolver(store);
  assert.equal(await ask(running, 'web.example.org'), ['SERVFAIL']);
  assert.match(running.resolver.notReady()[0] as string, /no zone yet/);
  const unknown = await running.get('/v1/services/web').catch((error: HttpError) => error);
  assert.equal([(unknown as HttpError).status, (unknown as HttpError).code], [503, 'never-synced']);
  store.up();
  await ready(running);
  assert.equal(await ask(running, 'web.example.org'), ['NXDOMAIN']);
  await running.stop();
});

test('an outage is answered through, up to --max-stale, then SERVFAIL; the return gives no wrong negative', async () => {
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1' } });
  const running = await startResolver(store, { config: { maxStaleMs: 2_000 } });
  await ready(running);
  store.down();
  assert.equal(await ask(running, 'web.example.org'), ['NOERROR', 'web.example.org A 192.0.2.1']);
  assert.equal(await ask(running, 'api.example.org'), ['NXDOMAIN'], 'within the bound, what was true is still said');
  await until('the bound to pass', async () => (await ask(running, 'web.example.org'))[0] === 'SERVFAIL');
  assert.equal(await ask(running, 'api.example.org'), ['SERVFAIL']);
  assert.match(running.resolver.notReady()[0] as string, /--max-stale/);
  assert.match(await running.metrics.text(), /rollcall_resolver_zone_stale_seconds [2-9]/);
  // While it was away a service came: its name must never be denied once answers are given again.
  store.put('/skydns/org/example/api/x', '{"host":"192.0.2.3"}');
  store.up();
  const seen = new Set<string>();
  await until(
    'the return',
    async () => {
      const [rcode] = await ask(running, 'api.example.org');
      seen.add(rcode as string);
      return rcode === 'NOERROR';
    },
    { everyMs: 1 },
  );
  assert.equal([...seen].sort(), ['NOERROR', 'SERVFAIL']);
  await running.stop();
});

test('a start during an outage answers from disk, and counts staleness from when the zone was true', async () => {
  const dataDir = temporaryDirectory();
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1' } });
  const first = await startResolver(store, { dataDir });
  await ready(first);
  store.put(WEB_B, '{"host":"192.0.2.2"}');
  await first.stop();
  store.down();
  const second = await startResolver(store, { dataDir, config: { maxStaleMs: 6_000 } });
  assert.equal(second.resolver.notReady(), []);
  assert.equal(await ask(second, 'web.example.org'), [
    'NOERROR',
    'web.example.org A 192.0.2.1',
    'web.example.org A 192.0.2.2',
  ]);
  await until('the bound to pass', async () => (await ask(second, 'web.example.org'))[0] === 'SERVFAIL');
  store.remove(WEB_A);
  store.up();
  await until('the return', async () => (await ask(second, 'web.example.org')).length === 2);
  assert.equal(await ask(second, 'web.example.org'), ['NOERROR', 'web.example.org A 192.0.2.2']);
  await second.stop();
});

test('a zone on disk of another prefix is not taken for ours', async () => {
  const dataDir = temporaryDirectory();
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1' } });
  const first = await startResolver(store, { dataDir });
  await ready(first);
  await first.stop();
  store.down();
  const log = recordingLog();
  const second = await startResolver(store, { dataDir, log, config: { prefix: '/other' } });
  assert.equal(await ask(second, 'web.example.org'), ['SERVFAIL']);
  assert.ok(log.lines.some(({ event }) => event === 'zone-not-restored'));
  await second.stop();
});

test('a bad value costs its key, is counted, listed and said once', async () => {
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1' } });
  store.put(WEB_B, 'not JSON');
  const log = recordingLog();
  const running = await startResolver(store, { log });
  await ready(running);
  assert.equal(await ask(running, 'web.example.org'), ['NOERROR', 'web.example.org A 192.0.2.1']);
  assert.is(log.lines.filter(({ event }) => event === 'record-bad').length, 1);
  assert.match(await running.metrics.text(), /rollcall_resolver_bad_records 1/);
  const listing = (await running.get('/v1/services')) as { problems: { key: string }[] };
  assert.equal(
    listing.problems.map(({ key }) => key),
    [WEB_B],
  );
  await running.stop();
});

test('names outside the zones are forwarded, a target outside is resolved, and the server never asks itself', async () => {
  const upstream = await startDnsUpstream('www.example.net. 300 IN A 198.51.100.7');
  const store = storeOf({ '/skydns/org/example/cdn/x': { host: 'www.example.net' } });
  const log = recordingLog();
  const running = await startResolver(store, { log, config: { forward: [upstream.address] } });
  await ready(running);
  assert.equal(await ask(running, 'www.example.net'), ['NOERROR', 'www.example.net A 198.51.100.7']);
  assert.equal(await ask(running, 'cdn.example.org'), [
    'NOERROR',
    'cdn.example.org CNAME www.example.net',
    'www.example.net A 198.51.100.7',
  ]);
  assert.is(upstream.seen.length, 1, 'the second answer came from the cache');
  await running.stop();
  await upstream.close();

  const own = { host: '127.0.0.1', port: upstream.address.port };
  const looped = await startResolver(store, { log, config: { listen: [own], forward: [own] } });
  assert.ok(log.lines.some(({ event, message }) => event === 'upstream-is-self' && message.includes(String(own.port))));
  assert.equal(await ask(looped, 'www.example.net'), ['REFUSED']);
  await looped.stop();
});

test('clients outside --allow-forward are refused', async () => {
  const upstream = await startDnsUpstream('www.example.net. 300 IN A 198.51.100.7');
  const store = storeOf({});
  const running = await startResolver(store, { config: { forward: [upstream.address], allowForward: [] } });
  assert.equal(await ask(running, 'www.example.net'), ['REFUSED']);
  assert.is(upstream.seen.length, 0);
  await running.stop();
  await upstream.close();
});

test('services, one service and explain say what the zone holds and why', async () => {
  const value = { host: '192.0.2.1', port: 8080, owner: 'node-1/x', announcedAt: '2026-11-20T12:00:00Z', group: 'g' };
  const store = storeOf({
    [WEB_A]: value,
    [WEB_B]: { host: '192.0.2.2', group: 'other' },
    '/skydns/org/example/ns/dns/a': {},
  });
  const running = await startResolver(store);
  await ready(running);
  const { services, revision } = (await running.get('/v1/services')) as {
    services: { service: string; name: string; instances: Record<string, unknown>[] }[];
    revision: string;
  };
  assert.is(revision, '3');
  const web = services.find(({ service }) => service === 'web');
  assert.is(web?.name, 'web.example.org.');
  const [instance] = web?.instances ?? [];
  assert.equal(
    { ...instance, ageSeconds: 0, sinceMs: 0 },
    {
      service: 'web',
      name: 'a.node-1.web.example.org.',
      key: WEB_A,
      state: 'announced',
      hostName: 'node-1',
      instance: 'a',
      host: '192.0.2.1',
      port: 8080,
      owner: 'node-1/x',
      revision: '1',
      sinceMs: 0,
      ageSeconds: 0,
    },
  );
  for (const name of ['web', 'web.example.org', 'web.example.org.']) {
    const one = (await running.get(`/v1/services/${name}`)) as { services: { instances: unknown[] }[] };
    assert.is(one.services[0]?.instances.length, 2);
  }
  const missing = await running.get('/v1/services/nope').catch((error: HttpError) => error.status);
  assert.is(missing, 404);
  const explained = (await running.get('/v1/explain?of=node-1.web&type=SRV')) as {
    name: string;
    revision: string;
    keys: { key: string; selected: boolean; ttl: string }[];
    answers: Record<string, { outcome: string; records: string[] }>;
  };
  assert.is(explained.name, 'node-1.web.example.org.');
  assert.equal(
    explained.keys.map(({ key, selected }) => [key, selected]),
    [[WEB_A, true]],
  );
  assert.equal(explained.answers.SRV?.records, [
    'node-1.web.example.org. 5 IN SRV 10 100 8080 a.node-1.web.example.org.',
  ]);
  const denied = (await running.get('/v1/explain?of=nope')) as { answers: Record<string, { outcome: string }> };
  assert.is(denied.answers.A?.outcome, 'nxdomain');
  const ruleOf = async (of: string): Promise<string | undefined> => {
    const { steps } = (await running.get(`/v1/explain?of=${of}`)) as { steps: { rule: string; verdict: string }[] };
    return steps.find(({ rule }) => rule === 'name')?.verdict;
  };
  // Whether it is the name in the zone that was meant, or the one outside, is said.
  assert.match((await ruleOf('www.example.com')) ?? '', 'www.example.com. itself is asked for with its last dot');
  for (const clear of ['nope', 'node-1.web', 'nope.example.org', 'www.example.com.']) assert.not(await ruleOf(clear));
  await running.stop();
});

test('history tells what a name resolved to at a moment, and which event made it so', async () => {
  const dataDir = temporaryDirectory();
  const store = storeOf({ [WEB_A]: { host: '192.0.2.1' }, '/skydns/org/example/alias/x': { host: 'web.example.org' } });
  const first = await startResolver(store, { dataDir });
  await ready(first);
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));
  await pause();
  const atStart = Date.now();
  await pause();
  store.put(WEB_B, '{"host":"192.0.2.2"}');
  await pause();
  const withBoth = Date.now();
  await pause();
  store.remove(WEB_A);
  await pause();
  // A restart in between: the snapshot that it leaves must not hide what was before it.
  await first.stop();
  const running = await startResolver(store, { dataDir });
  await ready(running);
  type Answer = {
    history: { type: string; key?: string; late?: true }[];
    resolved: {
      standing: string;
      answers: { type: string; outcome: string; records: string[] }[];
      madeBy: { type: string; key: string };
    };
  };
  const at = async (name: string, ms: number): Promise<Answer> =>
    (await running.get(`/v1/history?name=${name}&at=${ms}`)) as Answer;
  const addresses = ({ resolved }: Answer): unknown =>
    resolved.answers
      .find(({ type }) => type === 'A')
      ?.records.map((text) => text.split(' ').at(-1))
      .sort();

  const start = await at('web', atStart);
  assert.equal(addresses(start), ['192.0.2.1']);
  assert.is(start.resolved.madeBy.key, WEB_A);
  assert.is(start.resolved.standing, 'followed the store');
  const both = await at('web', withBoth);
  assert.equal(addresses(both), ['192.0.2.1', '192.0.2.2']);
  assert.equal([both.resolved.madeBy.type, both.resolved.madeBy.key], ['RecordPut', WEB_B]);
  const now = await at('web.example.org', Date.now());
  assert.equal(addresses(now), ['192.0.2.2']);
  assert.equal([now.resolved.madeBy.type, now.resolved.madeBy.key], ['RecordDeleted', WEB_A]);
  assert.equal(
    now.history.filter(({ key }) => key !== undefined).map(({ type, key, late }) => [type, key, late]),
    [
      ['RecordPut', WEB_A, true],
      ['RecordPut', WEB_B, undefined],
      ['RecordDeleted', WEB_A, undefined],
    ],
  );
  assert.equal(
    addresses(await at('alias', withBoth)),
    ['192.0.2.1', '192.0.2.2', 'web.example.org.'],
    'what it leads to is brought back too',
  );
  const before = (await running
    .get(`/v1/history?name=web&at=${atStart - 3_600_000}`)
    .catch((error: HttpError) => error)) as HttpError;
  assert.is(before.code, 'too-old');
  for (const bad of ['/v1/history?name=a..b', '/v1/history?name=web&at=yesterday', '/v1/explain']) {
    assert.is(await running.get(bad).catch((error: HttpError) => error.status), 400, bad);
  }
  await running.stop();
});

test('a large first load is kept as a snapshot, and history can still say when it was first seen', async () => {
  const dataDir = temporaryDirectory();
  const store = new ScriptedStore();
  for (let n = 0; n < 6000; n += 1) store.put(`/skydns/org/example/s${n}/x`, `{"host":"192.0.2.1","port":${n}}`);
  const running = await startResolver(store, { dataDir });
  await ready(running);
  await until('the snapshot', () =>
    readdirSync(join(dataDir, 'journal')).some((name) => name.includes('snapshot') && !name.endsWith('.tmp')),
  );
  const then = (await running.get(`/v1/history?name=s17&at=${Date.now()}`)) as {
    resolved: { answers: { records: string[] }[]; madeBy: { late: boolean; revision: string } };
  };
  assert.is(then.resolved.answers[0]?.records.length, 1);
  assert.equal([then.resolved.madeBy.late, then.resolved.madeBy.revision], [true, '18']);
  await running.stop();
  store.down();
  const again = await startResolver(store, { dataDir });
  assert.equal(await ask(again, 's5999.example.org'), ['NOERROR', 's5999.example.org A 192.0.2.1']);
  await again.stop();
});

test('a port in use, and a data directory in use, each stop the start with what to do', async () => {
  const store = storeOf({});
  const running = await startResolver(store);
  const [address] = running.resolver.addresses;
  const taken = await startResolver(store, { config: { listen: address === undefined ? [] : [address] } }).catch(
    (error: Error) => error,
  );
  assert.match(
    (taken as Error).message,
    /cannot listen for DNS over UDP on 127\.0\.0\.1:\d+: the port is already in use; set --listen/,
  );
  const locked = await startResolver(store, { dataDir: running.dataDir }).catch((error: Error) => error);
  assert.match((locked as Error).message, /in use by/);
  await running.stop();
});

test.run();
