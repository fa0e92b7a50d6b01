import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SystemUpstreams } from '../../../resolver/forwarding/system-upstreams.ts';
import { formatHostPort, type HostPort } from '../../../shared/address.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('resolver/system-upstreams');
const SELF = '192.0.2.99';

/** Follows `path`, where the server itself is {@link SELF}. */
function following(path: string) {
  const log = recordingLog();
  const told: string[] = [];
  const textOf = (servers: readonly HostPort[]): string => servers.map(formatHostPort).join(' ');
  const upstreams = new SystemUpstreams({
    path,
    log,
    usable: (servers) => servers.filter(({ host }) => host !== SELF),
    onChanged: (servers) => told.push(textOf(servers)),
    lookEveryMs: 5,
  });
  const first = textOf(upstreams.start());
  return {
    first,
    told,
    warned: () => log.of('resolv-conf-unusable').map(({ message }) => message),
    changed: () => log.of('upstreams-changed').map(({ message }) => message),
    stop: () => upstreams.stop(),
  };
}

test('other servers are told: written in place, renamed over it, and behind a link that is set elsewhere', async () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('run'));
  writeFileSync(at('run/stub.conf'), 'nameserver 192.0.2.1\n');
  symlinkSync(at('run/stub.conf'), at('resolv.conf'));
  const on = following(at('resolv.conf'));
  assert.is(on.first, '192.0.2.1:53');
  writeFileSync(at('run/stub.conf'), 'nameserver 192.0.2.2\n');
  await until('the one written in place', () => on.told.length === 1);
  writeFileSync(at('run/new'), 'nameserver 192.0.2.3\nnameserver 192.0.2.1\n');
  renameSync(at('run/new'), at('run/stub.conf'));
  await until('the one renamed over it', () => on.told.length === 2);
  writeFileSync(at('other.conf'), 'nameserver 192.0.2.4\n');
  symlinkSync(at('other.conf'), at('link'));
  renameSync(at('link'), at('resolv.conf'));
  await until('the one behind another link', () => on.told.length === 3);
  assert.equal(on.told, ['192.0.2.2:53', '192.0.2.3:53 192.0.2.1:53', '192.0.2.4:53']);
  assert.match(on.changed()[2] ?? '', 'asked of 192.0.2.4:53, no longer of 192.0.2.3:53, 192.0.2.1:53');
  on.stop();
});

test('a file that names nobody to ask, or is gone, is said once, and those before stand', async () => {
  const path = join(temporaryDirectory(), 'resolv.conf');
  writeFileSync(path, 'nameserver 192.0.2.1\n');
  const on = following(path);
  writeFileSync(path, `nameserver ${SELF}\n`);
  await until('the one that names the server itself', () => on.warned().length === 1);
  assert.match(on.warned()[0] ?? '', 'names no server that can be asked: 192.0.2.1:53 are asked on');
  unlinkSync(path);
  await until('none', () => on.warned().length === 2);
  assert.match(on.warned()[1] ?? '', 'ENOENT');
  assert.equal(on.told, []);
  writeFileSync(path, 'nameserver 192.0.2.5\n');
  await until('another one', () => on.told.length === 1);
  assert.is(on.warned().length, 2);
  on.stop();
});

test('a file that is not there at the start may come later', async () => {
  const path = join(temporaryDirectory(), 'resolv.conf');
  const on = following(path);
  assert.is(on.first, '');
  assert.match(on.warned()[0] ?? '', 'names outside the zones are refused');
  writeFileSync(path, 'nameserver 192.0.2.1\n');
  await until('it', () => on.told.length === 1);
  assert.match(on.changed()[0] ?? '', 'no longer of nobody');
  on.stop();
});

test.run();
