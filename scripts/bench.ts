/**
 * Measures side by side with other servers and prints ratios: absolute figures move with the machine.
 *
 *   node dist/scripts/bench.js [--rows peers,changes,…] [--only resolver|announcer|faults|journal] [--rounds 3] [--seconds 5]
 *     [--records 1000000] [--outage-seconds 60] [--json bench-results/bench.json]
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchAnnouncer, type Figure, figureTable } from './bench/announcer.ts';
import { benchFaults } from './bench/faults.ts';
import { benchJournal } from './bench/journal.ts';
import { machine } from './bench/ours.ts';
import { benchResolver, installPeers, ROW_GROUPS, type Row } from './bench/resolver.ts';
import { benchScale, benchVisible, type Finding } from './bench/scale.ts';
import { BOTH_CORES, CLIENT_CORE, standOn } from './bench/servers.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    rows: { type: 'string' },
    records: { type: 'string', default: '1000000' },
    'outage-seconds': { type: 'string', default: '60' },
    json: { type: 'string', default: 'bench-results/bench.json' },
  },
});

function table(rows: readonly Row[]): string {
  const head = [
    'server',
    'queries/s',
    'CPU µs/query',
    'to the floor',
    'latency µs',
    'lost',
    'core wait',
    'MiB',
    'budget',
  ];
  const cells = rows.map((row) => [
    row.name,
    String(Math.round(row.queriesPerSecond)),
    row.cpuMicroseconds.toFixed(1),
    `${row.toFloor.toFixed(2)} ×`,
    String(Math.round(row.latencyMicroseconds)),
    String(row.lost),
    `${Math.round(row.coreWait * 100)} %`,
    String(Math.round(row.residentMiB)),
    row.budget?.text ?? '',
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  return [head, ...cells].map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n');
}

function sentence({ name, value, unit, budget }: Finding): string {
  const figure = `${name}: ${Number(value.toFixed(2))} ${unit}`.trimEnd();
  return budget === undefined ? figure : `${figure} (${value <= budget ? 'met' : 'NOT MET'}: ≤ ${budget} ${unit})`;
}

/** Rows beside those of `resolver.ts`. */
const OTHER_ROWS = ['visible', 'scale', 'announcer', 'faults', 'journal'] as const;
const known: readonly string[] = [...ROW_GROUPS, ...OTHER_ROWS];
const chosen = new Set(values.rows === undefined ? known.filter(isMeant) : values.rows.split(','));
/** `--only` is for a whole program, `--rows` for parts of it. */
function isMeant(row: string): boolean {
  const program = ['announcer', 'faults', 'journal'].includes(row) ? row : 'resolver';
  return values.only === '' || values.only === program;
}
const unknown = [...chosen].filter((row) => !known.includes(row));
if (unknown.length > 0) {
  console.error(`bench: --rows ${unknown.join(',')}: choose of ${known.join(', ')}`);
  process.exit(2);
}

const groups = new Set(ROW_GROUPS.filter((group) => chosen.has(group)));
if (groups.size > 0) installPeers();
const directory = mkdtempSync(join(tmpdir(), 'rollcall-bench-'));
try {
  const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  const machineText = machine();
  console.log(
    `${machineText}; ${settings.rounds} rounds of ${settings.seconds} s; server on one core, client on the other`,
  );
  if (groups.size > 0) standOn(CLIENT_CORE);
  const rows = groups.size > 0 ? await benchResolver({ ...settings, directory, rows: groups }) : [];
  if (rows.length > 0) console.log(`\n${table(rows)}\n`);
  // A real engine needs a core of its own beside what is measured.
  if (groups.size > 0) standOn(BOTH_CORES);
  const findings: Finding[] = [];
  if (chosen.has('visible')) findings.push(...(await benchVisible(join(directory, 'visible'))));
  if (chosen.has('scale')) findings.push(...(await benchScale(join(directory, 'scale'), Number(values.records))));
  for (const finding of findings) console.log(sentence(finding));
  const announcer: readonly Figure[] = chosen.has('announcer') ? await benchAnnouncer({ directory }) : [];
  if (announcer.length > 0) console.log(`\n${figureTable(announcer)}`);
  const outageSeconds = Number(values['outage-seconds']);
  const faults: readonly Figure[] = chosen.has('faults') ? await benchFaults({ outageSeconds }) : [];
  if (faults.length > 0) console.log(`\n${figureTable(faults, 'fault')}`);
  const journal: readonly Figure[] = chosen.has('journal') ? await benchJournal({ directory }) : [];
  if (journal.length > 0) console.log(`\n${figureTable(journal, 'journal')}`);
  mkdirSync(dirname(values.json), { recursive: true });
  const result = {
    at: new Date().toISOString(),
    machine: machineText,
    settings,
    rows,
    findings,
    announcer,
    faults,
    journal,
  };
  writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nwritten to ${values.json}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
