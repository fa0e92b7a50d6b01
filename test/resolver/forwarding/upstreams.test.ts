import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  answered,
  attemptOrder,
  failed,
  isHealthy,
  PROBE_MAX_MS,
  type Upstream,
  upstreamsOf,
  withoutSelf,
} from '../../../resolver/forwarding/upstreams.ts';
import type { HostPort } from '../../../shared/address.ts';

const test = suite('resolver/upstreams');
const at = (host: string, port = 53): HostPort => ({ host, port });
const three = upstreamsOf([at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')]);

/** `three` with the upstreams at `dead` failed twice. */
const withDead = (...dead: readonly number[]): Upstream[] =>
  three.map((upstream, i) => (dead.includes(i) ? failed(failed(upstream, 0), 0) : upstream));

test('asks in the configured order', () => {
  assert.equal(attemptOrder(three, 3), [0, 1, 2]);
});
test('asks a single server again: datagrams get lost', () => {
  assert.equal(attemptOrder(three.slice(0, 1), 3), [0, 0, 0]);
  assert.equal(attemptOrder(three.slice(0, 2), 3), [0, 1, 0]);
});
test('passes dead servers by, unless all are dead', () => {
  assert.equal(attemptOrder(withDead(0), 3), [1, 2, 1]);
  assert.equal(attemptOrder(withDead(0, 1, 2), 3), [0, 1, 2]);
  assert.equal(attemptOrder([], 3), []);
});
test('one failure is no death; two are; one answer is life', () => {
  const [upstream] = three as [Upstream];
  assert.ok(isHealthy(failed(upstream, 0)));
  assert.not(isHealthy(failed(failed(upstream, 0), 0)));
  assert.ok(isHealthy(answered(failed(failed(upstream, 0), 0))));
  assert.ok(isHealthy(failed(answered(failed(upstream, 0)), 0)), 'failures count in a row');
});
test('probes come ever more rarely, up to a bound', () => {
  let upstream = failed(three[0] as Upstream, 0);
  const waits = Array.from({ length: 8 }, () => {
    upstream = failed(upstream, 0);
    return upstream.probeAtMs;
  });
  assert.equal(waits, [500, 1000, 2000, 4000, 8000, PROBE_MAX_MS, PROBE_MAX_MS, PROBE_MAX_MS]);
});

const MACHINE = ['127.0.0.1', '192.0.2.10', '2001:db8::10'];
for (const [what, upstream, listening, isDropped] of [
  ['its own address', at('127.0.0.1', 5300), at('127.0.0.1', 5300), true],
  ['its own address on another port', at('127.0.0.1', 53), at('127.0.0.1', 5300), false],
  ['another loopback address', at('127.0.0.53'), at('127.0.0.1'), false],
  ['an address of the machine, listening on all', at('192.0.2.10'), at('0.0.0.0'), true],
  ['any loopback address, listening on all', at('127.0.0.53'), at('0.0.0.0'), true],
  ['an IPv6 address of the machine, listening on ::', at('2001:db8::10'), at('::'), true],
  ['an IPv4 address of the machine, listening on :: alone', at('192.0.2.10'), at('::'), false],
  ['0.0.0.0 as upstream, listening on loopback', at('0.0.0.0'), at('127.0.0.1'), true],
  ['its own address as an IPv4-mapped one', at('::ffff:127.0.0.1', 5300), at('127.0.0.1', 5300), true],
  ['an IPv4-mapped address of the machine, listening on all', at('::ffff:192.0.2.10'), at('0.0.0.0'), true],
  ['its own IPv6 address in another spelling', at('2001:DB8:0::10'), at('2001:db8::10'), true],
  ['another machine, listening on all', at('192.0.2.11'), at('0.0.0.0'), false],
] as const) {
  test(`${isDropped ? 'never forwards to' : 'forwards to'} ${what}`, () => {
    const { kept, dropped } = withoutSelf([upstream, at('198.51.100.1')], [listening], MACHINE);
    assert.equal(dropped, isDropped ? [upstream] : []);
    assert.is(kept.length, isDropped ? 1 : 2);
  });
}

test.run();
