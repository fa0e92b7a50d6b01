import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../resolver/lookup/lookup.ts';
import type { Outcome } from '../../../resolver/lookup/outcome.ts';
import type { LookupContext } from '../../../resolver/lookup/settings.ts';
import { CONTEXT, describe, NOW_MS, outsideWith, questionFrom, SETTINGS } from '../../support/lookup-table.ts';
import { zoneFrom } from '../../support/zone-text.ts';

const test = suite('resolver/lookup-ttl');

/** Leases by id: `30` runs out in 30 s, `0.4` in 400 ms; `unknown` is not known. */
const leases: Partial<LookupContext> = {
  leaseDeadlineMs: (lease) => (lease === 'unknown' ? undefined : NOW_MS + Number(lease) * 1000),
};

function ask(zone: string, question: string, context: Partial<LookupContext> = {}): Outcome {
  return lookup(zoneFrom(zone), questionFrom(question), SETTINGS, { ...CONTEXT, ...leases, ...context });
}

function ttls(outcome: Outcome): number[] {
  return outcome.type === 'answer' ? outcome.answers.map(({ ttlSeconds }) => ttlSeconds) : [];
}

function holdsForMs(outcome: Outcome): number {
  return 'validUntilMs' in outcome ? outcome.validUntilMs - NOW_MS : Number.NaN;
}

test('the smaller of the record’s TTL and its lease’s time left; neither: the default', () => {
  const rows: [fields: string, ttl: number][] = [
    ['', 5],
    ['ttl=0', 5],
    ['ttl=300', 300],
    ['lease=30', 30],
    ['ttl=300 lease=30', 30],
    ['ttl=10 lease=30', 10],
    ['ttl=0 lease=30', 30],
    ['lease=unknown', 5],
    ['ttl=300 lease=unknown', 300],
    ['ttl=4294967295', 2147483647],
  ];
  for (const [fields, ttl] of rows) {
    assert.equal(ttls(ask(`web.example.org host=192.0.2.1 ${fields}`, 'web.example.org A')), [ttl], fields);
  }
});

test('a lease with no second left, or past its end, is 1, never the default', () => {
  for (const lease of ['0.4', '0', '-20']) {
    const outcome = ask(`web.example.org host=192.0.2.1 lease=${lease}`, 'web.example.org A');
    assert.equal(ttls(outcome), [1], lease);
    assert.is(holdsForMs(outcome), Number.POSITIVE_INFINITY);
  }
});

test('within an answer section all TTLs are the smallest, CNAMEs included', () => {
  const zone = `
    web.example.org    host=pool.example.org ttl=300
    1.pool.example.org host=192.0.2.1 ttl=60
    2.pool.example.org host=192.0.2.2 lease=20`;
  assert.equal(ttls(ask(zone, 'web.example.org A')), [20, 20, 20]);
});

test('of records that give one RR the smallest TTL counts', () => {
  const zone = '1.web.example.org host=192.0.2.1 port=80 ttl=60\n2.web.example.org host=192.0.2.1 port=81 ttl=10';
  assert.equal(ttls(ask(zone, 'web.example.org A')), [10]);
});

test('in the additional section each RRset has its smallest (RFC 2181 §5.2)', () => {
  const zone = `
    1.web.example.org  host=pool.example.org ttl=300
    2.web.example.org  host=192.0.2.9 ttl=200
    1.pool.example.org host=192.0.2.1 ttl=60
    2.pool.example.org host=192.0.2.2 ttl=50`;
  assert.equal(describe(ask(zone, 'web.example.org SRV')), [
    'web.example.org. 200 IN SRV 10 50 0 pool.example.org.',
    'web.example.org. 200 IN SRV 10 50 0 2.web.example.org.',
    '+ pool.example.org. 50 IN A 192.0.2.1',
    '+ pool.example.org. 50 IN A 192.0.2.2',
    '+ 2.web.example.org. 200 IN A 192.0.2.9',
  ]);
});

test('while stale no TTL is over the cap', () => {
  const stale = { availability: { type: 'stale', sinceMs: NOW_MS - 1000, ttlCapSeconds: 30 } } as const;
  assert.equal(ttls(ask('web.example.org host=192.0.2.1 ttl=300', 'web.example.org A', stale)), [30]);
  assert.equal(ttls(ask('web.example.org host=192.0.2.1', 'web.example.org A', stale)), [5]);
  assert.equal(ttls(ask('web.example.org host=192.0.2.1 lease=600', 'web.example.org A', stale)), [30]);
  assert.equal(ttls(ask('', 'example.org NS', stale)), [5]);
});

test('an outcome holds until a lease’s time makes its TTL less', () => {
  const rows: [zone: string, holdsMs: number][] = [
    ['', Number.POSITIVE_INFINITY],
    ['web.example.org host=192.0.2.1 ttl=300', Number.POSITIVE_INFINITY],
    ['web.example.org host=192.0.2.1 lease=30', 1000],
    ['web.example.org host=192.0.2.1 lease=29.4', 400],
    ['web.example.org host=192.0.2.1 ttl=10 lease=30', 21_000],
    ['1.web.example.org host=192.0.2.1 ttl=10\n2.web.example.org host=192.0.2.2 lease=30', 21_000],
    ['web.example.org host=192.0.2.1 lease=1.5', 500],
    ['web.example.org host=192.0.2.1 lease=unknown', 1000],
  ];
  for (const [zone, holdsMs] of rows) assert.is(holdsForMs(ask(zone, 'web.example.org A')), holdsMs, zone);
});

test('an outcome is the same for as long as it says that it holds, and another after', () => {
  const zone = zoneFrom(`
    1.web.example.org host=192.0.2.1 ttl=9 lease=14.2
    2.web.example.org host=192.0.2.2 lease=11.7
    3.web.example.org host=pool.example.com ttl=12`);
  const outside = outsideWith({ 'pool.example.com A': { addresses: ['198.51.100.1'], ttlSeconds: 20 } });
  const at = (nowMs: number) =>
    lookup(zone, questionFrom('web.example.org A'), SETTINGS, { ...CONTEXT, ...leases, outside, nowMs });
  let outcome = at(NOW_MS);
  let changes = 0;
  for (let nowMs = NOW_MS; nowMs < NOW_MS + 19_000; nowMs += 50) {
    const fresh = at(nowMs);
    const holds = outcome.type === 'answer' && nowMs < outcome.validUntilMs;
    if (holds) assert.equal(describe(fresh), describe(outcome), `after ${nowMs - NOW_MS} ms`);
    else {
      assert.is.not(String(describe(fresh)), String(describe(outcome)), `after ${nowMs - NOW_MS} ms`);
      changes += 1;
    }
    outcome = fresh;
  }
  assert.is(changes, 8);
});

test('an answer from outside ends with its TTL, and so does the lack of one', () => {
  const outside = outsideWith({
    'a.example.com A': { addresses: ['198.51.100.1'], ttlSeconds: 1 },
    'b.example.com A': { addresses: [], ttlSeconds: 9 },
  });
  assert.is(holdsForMs(ask('web.example.org host=a.example.com', 'web.example.org A', { outside })), 1000);
  const none = ask('web.example.org host=b.example.com', 'web.example.org A', { outside });
  assert.is(none.type, 'nodata');
  assert.is(holdsForMs(none), 9000);
});

test('a TTL of 0 from outside is sent as 0, and the answer holds for a second all the same', () => {
  const outside = outsideWith({
    'a.example.com A': { addresses: ['198.51.100.1'], aliases: ['b.example.com'], ttlSeconds: 0 },
  });
  const outcome = ask('web.example.org host=a.example.com ttl=300', 'web.example.org A', { outside });
  assert.equal(ttls(outcome), [0, 0, 0]);
  assert.is(holdsForMs(outcome), 1000);
});

test('an SOA is true only now, since its serial goes with every change', () => {
  assert.is(holdsForMs(ask('', 'example.org SOA')), 0);
});

test.run();
