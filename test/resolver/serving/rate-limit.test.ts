import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { octetsOf } from '../../../resolver/forwarding/allow.ts';
import { networkHash, RateLimiter, type Verdict } from '../../../resolver/serving/rate-limit.ts';

const test = suite('resolver/rate-limit');
const NOW_MS = 1_700_000_000_000;

function tally(limiter: RateLimiter, count: number, atMs = NOW_MS, network = 1): Record<Verdict, number> {
  const verdicts: Record<Verdict, number> = { send: 0, slip: 0, drop: 0 };
  for (let left = count; left > 0; left -= 1) verdicts[limiter.admit(network, atMs)] += 1;
  return verdicts;
}

test('a network that was quiet gets one second of responses at once, then every other as TC', () => {
  const limiter = new RateLimiter({ responsesPerSecond: 100, slip: 2 });
  assert.equal(tally(limiter, 300), { send: 100, slip: 100, drop: 100 });
});

test('the allowance comes back with time, and no further than a second', () => {
  const limiter = new RateLimiter({ responsesPerSecond: 100, slip: 2 });
  tally(limiter, 100);
  assert.is(tally(limiter, 50, NOW_MS + 100).send, 10);
  assert.is(tally(limiter, 500, NOW_MS + 60_000).send, 100);
});

test('a clock that goes back gives nothing and takes nothing', () => {
  const limiter = new RateLimiter({ responsesPerSecond: 10, slip: 1 });
  tally(limiter, 10);
  assert.is(tally(limiter, 5, NOW_MS - 5_000).send, 0);
});

test('slip 1 cuts all, slip 0 drops all', () => {
  assert.equal(tally(new RateLimiter({ responsesPerSecond: 1, slip: 1 }), 5), { send: 1, slip: 4, drop: 0 });
  assert.equal(tally(new RateLimiter({ responsesPerSecond: 1, slip: 0 }), 5), { send: 1, slip: 0, drop: 4 });
});

test('one network takes nothing from another', () => {
  const limiter = new RateLimiter({ responsesPerSecond: 10, slip: 0 });
  tally(limiter, 100, NOW_MS, 1);
  assert.is(tally(limiter, 10, NOW_MS, 2).send, 10);
});

test('0 responses a second is no limit', () => {
  assert.is(new RateLimiter({ responsesPerSecond: 0, slip: 2 }).isOn, false);
});

const hash = (address: string, seed = 1) => networkHash(octetsOf(address) as Uint8Array, seed);

test('a network is an IPv4 /24 or an IPv6 /56', () => {
  assert.is(hash('192.0.2.1'), hash('192.0.2.254'));
  assert.is.not(hash('192.0.2.1'), hash('192.0.3.1'));
  assert.is(hash('2001:db8:1:200::1'), hash('2001:db8:1:2ff:ffff::2'));
  assert.is.not(hash('2001:db8:1:200::1'), hash('2001:db8:1:300::1'));
});

test('slots are spread, and differ from seed to seed', () => {
  const slots = new Set(Array.from({ length: 1000 }, (_none, at) => hash(`10.${at >> 8}.${at & 255}.1`) & 0xffff));
  assert.ok(slots.size > 980, `${slots.size} slots of 1000 networks`);
  assert.is.not(hash('192.0.2.1', 1), hash('192.0.2.1', 2));
});

test.run();
