import { decode, encode, type Packet } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ForwardCache, NEGATIVE_TTL_MAX_SECONDS, ttlSecondsOf } from '../../../resolver/forwarding/cache.ts';
import { type ScannedMessage, scanMessage } from '../../../resolver/forwarding/message.ts';

const test = suite('resolver/forward-cache');
const LIMITS = { entriesMax: 3, octetsMax: 10_000 };

const message = (more: Partial<Packet>): Uint8Array =>
  new Uint8Array(
    encode({ type: 'response', id: 0, flags: 0x8180, questions: [{ name: 'a.example', type: 'A' }], ...more }),
  );
const scan = (octets: Uint8Array): ScannedMessage => scanMessage(octets) as ScannedMessage;
const ttlOf = (more: Partial<Packet>): number => ttlSecondsOf(scan(message(more)));

const a = (ttl: number, name = 'a.example') => ({ type: 'A', name, ttl, data: '192.0.2.1' }) as const;
const soa = (ttl: number, minimum: number) =>
  ({
    type: 'SOA',
    name: 'example',
    ttl,
    data: { mname: 'ns', rname: 'h', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
  }) as const;

test('a positive answer lives for its least TTL, of all sections', () => {
  assert.is(ttlOf({ answers: [a(300), a(60)] }), 60);
  assert.is(ttlOf({ answers: [a(300)], additionals: [a(20, 'b.example')] }), 20);
  assert.is(ttlOf({ answers: [a(1_000_000)] }), 86_400);
  assert.is(ttlOf({ answers: [a(0)] }), 0);
});
test('a negative answer lives for the lesser of SOA TTL and minimum, within a bound', () => {
  assert.is(ttlOf({ flags: 0x8183, authorities: [soa(300, 60)] }), 60);
  assert.is(ttlOf({ flags: 0x8183, authorities: [soa(30, 600)] }), 30);
  assert.is(ttlOf({ authorities: [soa(30, 600)] }), 30);
  assert.is(ttlOf({ authorities: [soa(99_999, 99_999)] }), NEGATIVE_TTL_MAX_SECONDS);
});
test('a CNAME that leads to nothing is negative', () => {
  const answers = [{ type: 'CNAME', name: 'a.example', ttl: 3000, data: 'b.example' } as const];
  assert.is(ttlOf({ answers, authorities: [soa(30, 20)] }), 20);
  assert.is(ttlOf({ answers }), 0);
});
test('a negative answer without SOA is not kept; SERVFAIL for a second; other codes not at all', () => {
  assert.is(ttlOf({ flags: 0x8183 }), 0);
  assert.is(ttlOf({ flags: 0x8182 }), 1);
  assert.is(ttlOf({ flags: 0x8185 }), 0);
});

const filled = (limits = LIMITS): ForwardCache => new ForwardCache(limits);
const put = (cache: ForwardCache, key: string, nowMs = 0, ttl = 60): void => {
  const octets = message({ answers: [a(ttl)] });
  cache.put(key, octets, scan(octets), nowMs);
};

test('TTLs are less the age; at their end the answer is gone', () => {
  const cache = filled();
  put(cache, 'k');
  const at = (nowMs: number): unknown => {
    const hit = cache.get('k', nowMs);
    if (hit?.response === undefined) return undefined;
    return decode(Buffer.from(hit.response)).answers?.map((each) => (each as { ttl: number }).ttl)[0];
  };
  assert.equal([0, 999, 1000, 59_999].map(at), [60, 60, 59, 1]);
  assert.is(at(60_000), undefined);
  assert.is(cache.size, 0);
  assert.is(cache.octets, 0);
});
test('a denial is kept by clients no longer than here, whatever the TTL of its SOA', () => {
  const cache = filled();
  const octets = message({ flags: 0x8183, authorities: [soa(3600, 30)] });
  cache.put('k', octets, scan(octets), 0);
  const soaTtl = (response: Uint8Array | undefined): number | undefined => {
    const [record] = response === undefined ? [] : (decode(Buffer.from(response)).authorities ?? []);
    return record?.type === 'SOA' ? record.ttl : undefined;
  };
  assert.is(soaTtl(octets), 30, 'the first that asks');
  assert.is(soaTtl(cache.get('k', 20_000)?.response), 10);
  const lower = message({ flags: 0x8183, authorities: [soa(5, 30)] });
  cache.put('l', lower, scan(lower), 0);
  assert.is(soaTtl(lower), 5);
});
test('a clock set back ends an answer rather than lengthen it', () => {
  const cache = filled();
  put(cache, 'k', 1000);
  assert.is(cache.get('k', 999), undefined);
});
test('a hit is a copy: what the caller writes into it stays with the caller', () => {
  const cache = filled();
  put(cache, 'k');
  cache.get('k', 0)?.response?.fill(0xff);
  assert.is(decode(Buffer.from(cache.get('k', 0)?.response as Uint8Array)).answers?.length, 1);
});
test('the least recently used goes first', () => {
  const cache = filled();
  for (const key of ['a', 'b', 'c']) put(cache, key);
  cache.get('a', 0);
  put(cache, 'd');
  assert.equal(
    ['a', 'b', 'c', 'd'].filter((key) => cache.get(key, 0) !== undefined),
    ['a', 'c', 'd'],
  );
  assert.is(cache.evictions, 1);
});
test('octets are bounded as well as entries; what is larger than all room is not kept', () => {
  const one = message({ answers: [a(60)] }).length + 1;
  const cache = filled({ entriesMax: 100, octetsMax: one * 2 });
  for (const key of ['a', 'b', 'c']) put(cache, key);
  assert.is(cache.size, 2);
  assert.is(cache.octets, one * 2);
  put(filled({ entriesMax: 100, octetsMax: 10 }), 'x');
  const tiny = filled({ entriesMax: 100, octetsMax: 10 });
  put(tiny, 'x');
  assert.is(tiny.size, 0);
});
test('replacing an entry counts its octets once', () => {
  const cache = filled();
  put(cache, 'a');
  const before = cache.octets;
  put(cache, 'a');
  assert.is(cache.octets, before);
});
test('a failure is remembered for a second', () => {
  const cache = filled();
  cache.putFailure('k', 0);
  assert.equal(cache.get('k', 999), { response: undefined });
  assert.is(cache.get('k', 1000), undefined);
});

test.run();
