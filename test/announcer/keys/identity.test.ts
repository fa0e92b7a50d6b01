import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadIdentity, saveIdentity } from '../../../announcer/keys/identity.ts';
import { StartError } from '../../../shared/component.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const SCOPE = { host: 'node-1', domain: 's.example.org.', prefix: '/skydns' };

const test = suite('announcer/identity');

test('the announcer id outlives the process, and differs between data directories', async () => {
  const directory = temporaryDirectory();
  const first = await loadIdentity(directory, SCOPE);
  assert.match(first.announcer, /^[0-9a-f]{12}$/);
  assert.equal(await loadIdentity(directory, SCOPE), first);
  assert.is.not((await loadIdentity(temporaryDirectory(), SCOPE)).announcer, first.announcer);
});

for (const changed of [{ host: 'node-2' }, { domain: 'example.org.' }, { prefix: '/other' }]) {
  test(`another ${Object.keys(changed)[0]} is said until it is saved, with the same id`, async () => {
    const directory = temporaryDirectory();
    const first = await loadIdentity(directory, SCOPE);
    assert.is(first.scopeChanged, false);
    const second = await loadIdentity(directory, { ...SCOPE, ...changed });
    assert.equal(second, { announcer: first.announcer, scopeChanged: true });
    assert.is((await loadIdentity(directory, { ...SCOPE, ...changed })).scopeChanged, true);
    await saveIdentity(directory, first.announcer, { ...SCOPE, ...changed });
    assert.is((await loadIdentity(directory, { ...SCOPE, ...changed })).scopeChanged, false);
  });
}

test('a file that holds no id is replaced, and said', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'identity.json'), '{"announ');
  const { announcer, unreadable } = await loadIdentity(directory, SCOPE);
  assert.match(unreadable ?? '', 'identity.json holds no announcer id');
  assert.equal(await loadIdentity(directory, SCOPE), { announcer, scopeChanged: false });
});

test('a directory that cannot be written is a start error that names it', async () => {
  try {
    await loadIdentity('/proc/nowhere', SCOPE);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, StartError);
    assert.match((error as Error).message, '/proc/nowhere/identity.json');
  }
});

test.run();
