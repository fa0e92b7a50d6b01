import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Network, PRIVATE_NETWORKS, parseNetwork } from '../../../resolver/forwarding/allow.ts';
import { Clients } from '../../../resolver/serving/clients.ts';

const test = suite('resolver/clients');
const EXEMPT = PRIVATE_NETWORKS.map((text) => parseNetwork(text) as Network);

test('asks once whether an address may forward', () => {
  const asked: string[] = [];
  const clients = new Clients(
    (address) => {
      asked.push(address);
      return address === '192.0.2.1';
    },
    EXEMPT,
    1,
  );
  const answers = ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2'].map((each) => clients.of(each).mayForward);
  assert.equal(answers, [true, false, true, false]);
  assert.equal(asked, ['192.0.2.1', '192.0.2.2']);
});

test('private networks are exempt from the rate limit, others are not', () => {
  const clients = new Clients(() => false, EXEMPT, 1);
  const exempt = (address: string) => clients.of(address).isExempt;
  assert.equal(['127.0.0.1', '::1', '10.1.2.3', '::ffff:192.168.1.1', 'fe80::1%eth0'].map(exempt), [
    true,
    true,
    true,
    true,
    true,
  ]);
  assert.equal(['192.0.2.1', '2001:db8::1'].map(exempt), [false, false]);
});

test('forged addresses do not pile up', () => {
  let asked = 0;
  const clients = new Clients(
    () => {
      asked += 1;
      return true;
    },
    [],
    1,
  );
  const flood = (from: number) => {
    for (let at = from; at < from + 5_000; at += 1) clients.of(`10.0.${at >> 8}.${at & 255}`);
  };
  flood(0);
  flood(5_000);
  assert.is(asked, 10_000);
  clients.of('10.0.0.0');
  assert.is(asked, 10_001, 'the first was forgotten');
});

test.run();
