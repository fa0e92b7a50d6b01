import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('package.json');

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

test('what npm packs has all that the launcher starts, and neither tests nor sources', () => {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(said) as Packed[];
  const paths = packed?.files.map(({ path }) => path) ?? [];
  for (const path of [
    'rollcall',
    'package.json',
    'dist/cli/main.js',
    'dist/announcer/main.js',
    'dist/resolver/workers/worker.js',
    'dist/shared/version.js',
    'examples/services.json',
    'docs/operations.md',
  ]) {
    assert.ok(paths.includes(path), path);
  }
  assert.equal(
    paths.filter((path) => /^(dist\/)?(test|scripts)\/|^(announcer|cli|resolver|shared)\//.test(path)),
    [],
  );
});

test.run();
