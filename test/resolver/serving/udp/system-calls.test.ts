import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadSystemCalls, systemCalls } from '../../../../resolver/serving/udp/system-calls.ts';

const test = suite('resolver/system-calls');

const LINUX = { platform: 'linux', arch: 'x64', endianness: 'LE' };
const EBADF = 9;

/** koffi as far as it is used, with calls that fail as `errno` says. */
function koffi(errno: number, library = 'libc.so.6') {
  return {
    load(name: string) {
      if (name !== library) throw new Error(`Failed to load shared library: ${name}: cannot open\nmore`);
      return { func: () => () => -1 };
    },
    address: () => 0x7000_0000_0000n,
    errno: () => errno,
  };
}
const reasonOf = (...args: Parameters<typeof loadSystemCalls>): string => {
  const loaded = loadSystemCalls(...args);
  return loaded.ok ? 'ok' : loaded.reason;
};

test('only machines whose structures are known', () => {
  const load = (): unknown => koffi(EBADF);
  for (const arch of ['x64', 'arm64']) assert.is(reasonOf({ ...LINUX, arch }, load), 'ok');
  for (const other of [{ platform: 'darwin' }, { arch: 'ia32' }, { arch: 's390x' }, { endianness: 'BE' }]) {
    assert.match(reasonOf({ ...LINUX, ...other }, load), 'it is made for Linux on x64 and arm64');
  }
});

test('without the package there are none, and the reason is one line', () => {
  const reason = reasonOf(LINUX, () => {
    throw new Error("Cannot find module 'koffi'\nRequire stack: …");
  });
  assert.is(reason, "the optional package koffi cannot be used (Cannot find module 'koffi')");
});

test('without glibc there are none', () => {
  const reason = reasonOf(LINUX, () => koffi(EBADF, 'libc.musl-x86_64.so.1'));
  assert.match(reason, 'libc.so.6');
  assert.not.match(reason, '\n');
});

test('where a sandbox refuses the calls there are none', () => {
  for (const errno of [1, 38]) {
    assert.match(
      reasonOf(LINUX, () => koffi(errno)),
      `the kernel refuses recvmmsg or sendmmsg here (receive: errno ${errno})`,
    );
  }
});

test('off means off', () => {
  assert.equal(systemCalls('off'), { ok: false, reason: '--udp-batch off' });
});

test.run();
