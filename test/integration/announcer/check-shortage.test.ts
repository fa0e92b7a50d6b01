import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('integration/check-shortage');

interface Outcomes {
  readonly isOnLink: unknown;
  readonly connect: { readonly isUnknown?: boolean; readonly detail: string };
  readonly inside: { readonly isUnknown?: boolean; readonly detail: string };
  readonly listening: unknown;
  readonly isCurrent: unknown;
}

test('a process that can open nothing more says of no service that it is not there, and is right again after', () => {
  const program = fileURLToPath(new URL('../../support/programs/out-of-descriptors.js', import.meta.url));
  const { stdout, stderr } = spawnSync('sh', ['-c', `ulimit -n 128 && exec "${process.execPath}" "${program}"`], {
    encoding: 'utf8',
  });
  assert.match(stdout, /^\{/, stderr);
  const { short, after } = JSON.parse(stdout) as { readonly short: Outcomes; readonly after: Outcomes };
  assert.match(String(short.isOnLink), /^threw /);
  assert.is(short.connect.isUnknown, true, short.connect.detail);
  assert.is(short.inside.isUnknown, true, short.inside.detail);
  assert.match(short.inside.detail, 'EMFILE');
  assert.match(String(short.listening), /^threw EMFILE/);
  assert.match(String(short.isCurrent), /^threw EMFILE/);
  assert.is(after.isOnLink, true);
  assert.is(after.connect.isUnknown, undefined);
  assert.is(after.inside.isUnknown, undefined);
});

test.run();
