import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseResolvConf } from '../../../resolver/forwarding/resolv-conf.ts';

const test = suite('resolver/resolv-conf');

test('reads nameserver lines in order, IPv4 and IPv6', () => {
  const text =
    '# made by hand\nsearch example.org\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # second\noptions ndots:2\n';
  assert.equal(parseResolvConf(text), [
    { host: '192.0.2.1', port: 53 },
    { host: '2001:db8::1', port: 53 },
  ]);
});

test('leaves out comments and what is no address', () => {
  const text = ';nameserver 192.0.2.1\n#nameserver 192.0.2.2\nnameserver dns.example.org\nnameserver\n';
  assert.equal(parseResolvConf(text), []);
});

test('takes three at most, as the C library', () => {
  const text = [1, 2, 3, 4].map((n) => `nameserver 192.0.2.${n}`).join('\n');
  assert.is(parseResolvConf(text).length, 3);
});

test('keeps the interface of a link-local address', () => {
  assert.equal(parseResolvConf('nameserver fe80::1%eth0'), [{ host: 'fe80::1%eth0', port: 53 }]);
});

test.run();
