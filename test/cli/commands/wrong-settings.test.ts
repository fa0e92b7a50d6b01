import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rollcall } from '../../support/servers/rollcall.ts';

const test = suite('cli: wrong settings');

for (const [args, expected] of [
  [
    ['up', '--lease-ttl', '3', '--forward', 'none,192.0.2.53', '--etcd-user', 'me', '--damping-reuse', '4000'],
    [
      '--lease-ttl="3": must be 15',
      '--etcd-user and --etcd',
      '--damping-reuse="4000": must be',
      '--forward: none cannot',
    ],
  ],
  [
    ['announcer', 'web-1', '--as', 'host', '--etcd-cert', '/nowhere'],
    [
      '--as="host": must be',
      '"web-1": a container is named',
      '--etcd-cert and --etcd-key',
      '--etcd-cert="/nowhere": no',
      '--etcd-cert="/nowhere": cannot',
    ],
  ],
  [
    ['resolver', '--workers', '0', '--stub', 'web.s.prod.example.com=192.0.2.53'],
    ['--workers="0": must be', '--stub: web.s.prod.example.com. is in zone'],
  ],
  [
    ['resolver', '--zone', 'a..b', '--stub', 'web.s.prod.example.com=192.0.2.53'],
    ['--zone="a..b": name "a..b" has an empty label'],
  ],
  [
    ['run', '--drain', '99999', '--name', '!', '--', 'true'],
    ['--drain="99999": must be', '--name="!": '],
  ],
  [
    ['drain', '--timeout', '0'],
    ['--timeout="0": must be', 'no container or service is named'],
  ],
  [
    ['journal', 'stat', '/nowhere', '--since', 'x', '--name', 'web'],
    ['--since="x": is no time', '--name: of export alone'],
  ],
  [
    ['trace', 'web', '--last', '0', '--http', 'x'],
    ['--http="x": must be', '--last="0": must be a whole number, 1 to 100'],
  ],
] as const) {
  test(`${args.join(' ')}: every problem is told at once`, async () => {
    const { exit, stdout, stderr } = await rollcall([...args]);
    assert.equal([exit, stdout], [2, '']);
    const [head, ...problems] = stderr.trimEnd().split('\n');
    const count = expected.length === 1 ? '1 problem' : `${expected.length} problems`;
    assert.is(head, `${args[0]}: configuration has ${count}`);
    for (const [at, begin] of expected.entries()) assert.ok(problems[at]?.startsWith(`  ${begin}`), stderr);
  });
}

test.run();
