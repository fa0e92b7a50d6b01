/**
 * Measures side by side with other servers and prints ratios: absolute figures move with the machine.
 *
 *   node dist/scripts/bench.js [--rounds 3] [--seconds 5] [--only resolver|announcer] [--json bench-results/bench.json]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchAnnouncer, type Figure, figureTable } from './bench/announcer.ts';
import { machine } from './bench/ours.ts';
import { benchResolver, installPeers, type Row } from './bench/resolver.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    json: { type: 'string', default: 'bench-results/bench.json' },
  },
});

function table(rows: readonly Row[]): string {
  const head = ['server', 'queries/s', 'CPU µs/query', 'to the floor', 'latency µs', 'lost', 'MiB'];
  const cells = rows.map((row) => [
    row.name,
    String(Math.round(row.queriesPerSecond)),
    row.cpuMicroseconds.toFixed(1),
    `${row.toFloor.toFixed(2)} ×`,
    String(Math.round(row.latencyMicroseconds)),
    String(row.lost),
    String(Math.round(row.residentMiB)),
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  return [head, ...cells].map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n');
}

if (values.only !== 'announcer') installPeers();
const directory = mkdtempSync(join(tmpdir(), 'rollcall-bench-'));
try {
  const settings = { directory, rounds: Number(values.rounds), seconds: Number(values.seconds) };
  console.log(
    `${machine()}; ${settings.rounds} rounds of ${settings.seconds} s; server on one core, client on the other`,
  );
  const rows: readonly Row[] = values.only === 'announcer' ? [] : await benchResolver(settings);
  if (rows.length > 0) console.log(`\n${table(rows)}`);
  const announcer: readonly Figure[] = values.only === 'resolver' ? [] : await benchAnnouncer({ directory });
  if (announcer.length > 0) console.log(`\n${figureTable(announcer)}`);
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ machine: machine(), settings, rows, announcer }, null, 2)}\n`);
  console.log(`\nwritten to ${values.json}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
