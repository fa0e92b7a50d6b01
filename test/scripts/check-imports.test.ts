import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const CHECK = fileURLToPath(new URL('../../scripts/check-imports.js', import.meta.url));

/** The breaches that the checker finds in a tree of these files, but for those about files the tree leaves out. */
function breachesIn(tree: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'rollcall-imports-'));
  try {
    for (const folder of ['announcer', 'resolver', 'shared', 'cli']) mkdirSync(join(root, folder));
    for (const [file, source] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), source);
    }
    const { stderr } = spawnSync(process.execPath, [CHECK], { cwd: root, encoding: 'utf8' });
    return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('scripts/layers.ts'));
  } finally {
    rmSync(root, { recursive: true });
  }
}

const test = suite('scripts/check-imports');

for (const [rule, tree, expected] of [
  [
    'a pure file does no I/O',
    { 'resolver/zone/zone.ts': "import { readFileSync } from 'node:fs';\n" },
    ['resolver/zone/zone.ts: pure, but imports readFileSync from node:fs'],
  ],
  [
    'a pure file may use functions of Node that depend on their arguments alone',
    { 'resolver/zone/zone.ts': "import { isIP } from 'node:net';\nimport type { Socket } from 'node:dgram';\n" },
    [],
  ],
  [
    'a pure file has no clock',
    { 'resolver/zone/zone.ts': 'export const now = () => Date.now(); // Math.random in a comment is no breach\n' },
    ['resolver/zone/zone.ts: pure, but uses Date.now: take it as an argument'],
  ],
  [
    'rxjs belongs to the edges; its types may be named anywhere',
    {
      'resolver/zone/zone.ts': "import { map } from 'rxjs';\n",
      'resolver/lookup/lookup.ts': "import type { Observable } from 'rxjs';\n",
    },
    ['resolver/zone/zone.ts: pure, but imports rxjs'],
  ],
  [
    'a pure file imports no edge',
    { 'resolver/zone/zone.ts': "import { createLog } from '../../shared/log.ts';\n", 'shared/log.ts': '' },
    ['resolver/zone/zone.ts: pure, but imports shared/log.ts (edge)'],
  ],
  [
    'an edge imports no main',
    { 'resolver/serving/server.ts': "import { run } from '../main.ts';\n", 'resolver/main.ts': '' },
    ['resolver/serving/server.ts: edge, but imports resolver/main.ts (main)'],
  ],
  [
    'each I/O package has one importer, for types too',
    { 'announcer/host/host.ts': "import type Docker from 'dockerode';\n" },
    ['announcer/host/host.ts: imports dockerode, which only announcer/docker/engine/docker.ts may'],
  ],
  [
    'announcer and resolver meet only in shared/',
    { 'announcer/main.ts': "import type { Zone } from '../resolver/zone/zone.ts';\n", 'resolver/zone/zone.ts': '' },
    ['announcer/main.ts: imports resolver/zone/zone.ts: announcer and resolver meet only in shared/'],
  ],
  [
    'a dynamic import counts as well',
    { 'resolver/zone/zone.ts': "export const load = () => import('node:dgram');\n" },
    ['resolver/zone/zone.ts: pure, but imports * from node:dgram'],
  ],
  [
    'so does a require, which an optional package is loaded by',
    { 'resolver/serving/server.ts': "const koffi = require('koffi');\n" },
    ['resolver/serving/server.ts: imports koffi, which only shared/koffi.ts may'],
  ],
] as const) {
  test(rule, () => {
    assert.equal(breachesIn(tree), [...expected]);
  });
}

test.run();
