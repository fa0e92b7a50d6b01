import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bootIdOf } from '../../../announcer/host/boot.ts';

const PATH = '/proc/sys/kernel/random/boot_id';

const test = suite('announcer/boot-id');

test('the boot is the kernel’s where the engine is on this machine', () => {
  const expected = existsSync(PATH) ? readFileSync(PATH, 'utf8').trim() : undefined;
  assert.is(bootIdOf('unix:///var/run/docker.sock'), expected);
  assert.is(bootIdOf(''), expected, 'the default socket');
});

test('the boot of this machine says nothing about containers of another', () => {
  assert.is(bootIdOf('tcp://192.0.2.1:2376'), undefined);
  assert.is(bootIdOf('no address at all'), undefined);
});

test.run();
