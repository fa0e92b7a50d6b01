import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commonSettings } from '../../shared/common-settings.ts';
import { readSettings } from '../../shared/settings.ts';

const test = suite('shared/common-settings');

for (const [given, expected] of [
  ['http://127.0.0.1:2379', ['http://127.0.0.1:2379']],
  ['http://etcd.example.org:80/', ['http://etcd.example.org:80']],
  [
    'https://a.example.org:443, https://[2001:db8::1]:2379',
    ['https://a.example.org:443', 'https://[2001:db8::1]:2379'],
  ],
] as const) {
  test(`--etcd ${given} keeps its port as typed`, () => {
    const read = readSettings({ etcd: commonSettings.etcd }, { etcd: given }, {});
    assert.equal(read, { ok: true, values: { etcd: [...expected] } });
  });
}

for (const [flag, given, reason] of [
  ['etcd', 'localhost:2379', /has no scheme; write http:\/\/localhost:2379/],
  ['etcd', 'http://user:secret@etcd.example.org:2379', /a user goes in --etcd-user/],
  ['etcd', 'http://', /is no URL/],
  ['prefix', 'skydns', /must begin with \//],
  ['prefix', '/skydns/', /not end with it/],
  ['prefix', '/a//b', /no empty segment/],
  ['log-level', 'loud', /must be one of debug, info, warn, error, silent/],
] as const) {
  test(`--${flag} ${given} is refused`, () => {
    const read = readSettings(commonSettings, { [flag]: given }, {});
    assert.not.ok(read.ok);
    assert.match(read.ok ? '' : read.problems.join('\n'), reason);
  });
}

for (const given of [
  'http://user:secret@etcd.example.org:2379',
  'http://:secret@etcd.example.org:2379',
  'http://user:sec@ret@etcd.example.org:x',
  'user:secret@etcd.example.org:2379',
]) {
  test(`a password in --etcd is refused, and not repeated: ${given}`, () => {
    const read = readSettings(commonSettings, { etcd: given }, {});
    assert.not.ok(read.ok);
    const said = read.ok ? '' : read.problems.join('\n');
    assert.match(said, '***@etcd.example.org');
    assert.not.match(said, /secret|sec@ret|user:/);
  });
}

for (const given of [
  'http://user:hunter2@etcd.example.org:2379',
  'user:hunter2@etcd.example.org:2379',
  'http://etcd.example.org:2379?token=hunter2',
  'http://a.example.org,http://user:hunter2@b.example.org:x',
]) {
  test(`--etcd ${given.replace('hunter2', '…')} is refused, and the secret not repeated`, () => {
    for (const read of [
      readSettings(commonSettings, { etcd: given }, {}),
      readSettings(commonSettings, {}, { ROLLCALL_ETCD: given }),
    ]) {
      assert.not.ok(read.ok);
      assert.not.match(read.ok ? '' : read.problems.join('\n'), 'hunter2');
    }
  });
}

test.run();
