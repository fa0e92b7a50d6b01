import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHostPort, isLoopback, isUnspecified, ListenError, parseHostPort } from '../../shared/address.ts';

const test = suite('shared/address');

for (const [text, defaultPort, expected] of [
  ['192.0.2.1:53', undefined, { host: '192.0.2.1', port: 53 }],
  ['192.0.2.1', 53, { host: '192.0.2.1', port: 53 }],
  ['[2001:db8::1]:5300', undefined, { host: '2001:db8::1', port: 5300 }],
  ['2001:db8::1', 53, { host: '2001:db8::1', port: 53 }],
  ['[2001:db8::1]', 53, { host: '2001:db8::1', port: 53 }],
  ['192.0.2.1', undefined, undefined],
  ['192.0.2.1:65536', undefined, undefined],
  ['192.0.2.256:53', undefined, undefined],
  ['localhost:53', undefined, undefined],
  [':53', undefined, undefined],
  ['', 53, undefined],
] as const) {
  test(`reads ${JSON.stringify(text)} with default port ${defaultPort}`, () => {
    assert.equal(parseHostPort(text, defaultPort), expected);
    if (expected !== undefined) assert.equal(parseHostPort(formatHostPort(expected)), expected);
  });
}

test('knows loopback and unspecified addresses', () => {
  assert.equal(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback), [true, true, true, true]);
  assert.equal(['10.0.0.1', '::2', '128.0.0.1'].map(isLoopback), [false, false, false]);
  assert.equal(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'].map(isUnspecified), [true, true, true]);
  assert.not.ok(isUnspecified('0.0.0.1'));
});

test('a socket that cannot be bound names the address, the reason and the setting', () => {
  const cause = Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' });
  assert.is(
    new ListenError('DNS over UDP', { host: '127.0.0.1', port: 53 }, '--listen', cause).message,
    'cannot listen for DNS over UDP on 127.0.0.1:53: the port is already in use; set --listen to another address or port',
  );
});

test.run();
