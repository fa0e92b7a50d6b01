import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ResolvConfView, resolvConfFindings } from '../../../cli/doctor/resolv-conf.ts';
import { parseName } from '../../../shared/name.ts';

const view: ResolvConfView = {
  text: 'nameserver 192.0.2.53\nsearch s.prod.example.com\n',
  behindStub: undefined,
  listen: [{ host: '127.0.0.1', port: 53 }],
  forward: 'system',
  zones: [parseName('s.prod.example.com')],
};
const look = (changes: Partial<ResolvConfView>): string[] =>
  resolvConfFindings({ ...view, ...changes }).map(({ status, says }) => `${status}: ${says}`);
const some = (lines: readonly string[], pattern: RegExp): boolean => lines.some((line) => pattern.test(line));

const test = suite('cli/doctor resolv-conf');

test('says whether the programs of this host ask this resolver', () => {
  assert.ok(some(look({}), /^hint: it names 192\.0\.2\.53:53, not this resolver/));
  assert.ok(some(look({ text: 'nameserver 127.0.0.1\nnameserver 192.0.2.53' }), /^fine: it names this resolver/));
  assert.ok(some(look({ text: undefined }), /^hint: .*cannot be read/));
});

test('a resolver on another port is not the one that resolv.conf names', () => {
  const listen = [{ host: '127.0.0.1', port: 5300 }];
  assert.ok(some(look({ listen, text: 'nameserver 127.0.0.1' }), /^hint: it names 127\.0\.0\.1:53, not this/));
});

test('finds circles: forwarding to itself, and through systemd-resolved', () => {
  assert.ok(some(look({ forward: [{ host: '127.0.0.1', port: 53 }] }), /^wrong: --forward 127\.0\.0\.1:53 is this/));
  const stub = { text: 'nameserver 127.0.0.53', behindStub: 'nameserver 127.0.0.1' };
  assert.ok(some(look(stub), /^wrong: a circle: systemd-resolved/));
  assert.not.ok(some(look({ ...stub, forward: [{ host: '192.0.2.53', port: 53 }] }), /^wrong/));
  assert.not.ok(some(look({ ...stub, behindStub: 'nameserver 192.0.2.53' }), /^wrong/));
});

test('with itself as the only nameserver, there is nobody to forward to', () => {
  assert.ok(some(look({ text: 'nameserver 127.0.0.1' }), /^hint: .*nobody to forward/));
});

test('warns of ndots, and says when short names are not searched', () => {
  assert.ok(
    some(
      look({ text: 'nameserver 192.0.2.1\nsearch a.example b.example\noptions timeout:1 ndots:5' }),
      /^hint: ndots:5: .*2 times/,
    ),
  );
  assert.ok(some(look({ text: 'nameserver 192.0.2.1' }), /not searched in s\.prod\.example\.com/));
  assert.not.ok(some(look({}), /not searched/));
});

test.run();
