import { isAboutSubject } from '../../shared/events/event-subject.ts';
import type { JournalEvent } from '../../shared/journal/event.ts';
import { JournalOpenError } from '../../shared/journal/journal.ts';
import { StoredJournal } from '../../shared/journal/reading/stored.ts';
import { type GivenFlags, readSettings, SettingError, setting, switchSetting } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { momentSetting } from '../text/moment.ts';
import { formatTable } from '../text/table.ts';

const settings = {
  since: momentSetting({
    flag: 'since',
    help: 'Of export: only events from then on; 14:32 (the last one, local time), 15m (ago) or 2026-11-20T14:32:00Z.',
    defaultText: 'the beginning',
  }),
  until: momentSetting({
    flag: 'until',
    help: 'Of export: only events up to then.',
    defaultText: 'the end',
  }),
  name: setting<string | undefined>({
    flag: 'name',
    placeholder: 'NAME',
    help: 'Of export: only events of a DNS name or some labels of it, a service, or a container by name or id.',
    defaultText: 'all events',
    read: readName,
    absent: () => undefined,
  }),
  json: switchSetting({ flag: 'json', help: 'Of verify and stat: print JSON, for programs.' }),
};

const ACTIONS: readonly string[] = ['verify', 'stat', 'export'];

interface ExportOptions {
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly name: string | undefined;
}

export const journalCommand: Command = {
  name: 'journal',
  summary: 'Look at a journal on disk: verify its files, count its events, export them',
  description:
    'Look at a journal on disk, also while a daemon has it open: nothing is locked or changed. `verify` reads every octet and names torn, corrupt and misplaced lines, damaged snapshots and gaps; exit code 1 when there are any. `stat` counts. `export` prints events as JSON lines with times in ISO 8601.',
  arguments: [
    { name: 'action', help: 'verify, stat or export', required: true },
    { name: 'directory', help: 'such as /var/lib/rollcall/resolver/journal', required: true },
  ],
  settings,
  examples: [
    'rollcall journal verify /var/lib/rollcall/resolver/journal',
    'rollcall journal stat /var/lib/rollcall/announcer/journal',
    'rollcall journal export /var/lib/rollcall/announcer/journal --since 2h --name web',
  ],
  run: async ({ arguments: [action = '', directory = ''], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!ACTIONS.includes(action)) {
      complain(`journal: ${JSON.stringify(action)} is no action; write verify, stat or export`);
      return EXIT_USAGE;
    }
    const problems = misplaced(action, flags);
    if (!read.ok || problems.length > 0) return complainOfSettings('journal', allProblems(read, problems));
    const { since, until, name, json } = read.values;
    try {
      const journal = await StoredJournal.open(directory);
      if (action === 'verify') return await verify(journal, json);
      if (action === 'stat') return await stat(journal, json);
      const range = { ...(since !== undefined && { sinceMs: since }), ...(until !== undefined && { untilMs: until }) };
      return await exportEvents(journal, { ...range, name });
    } catch (error) {
      if (!(error instanceof JournalOpenError)) throw error;
      complain(`journal: ${error.message}`);
      return EXIT_FAILED;
    }
  },
};

function readName(text: string): string {
  if (!/\s/.test(text)) return text;
  throw new SettingError('has a blank, and no name has one; give one name');
}

/** Of flags that the action does not take: whoever gave one takes its effect for granted. A variable may be meant for others. */
function misplaced(action: string, flags: GivenFlags): string[] {
  const given = ['since', 'until', 'name'].filter((flag) => flags[flag] !== undefined);
  return action === 'export'
    ? []
    : given.map((flag) => `--${flag}: of export alone; ${action} takes all that there is`);
}

async function verify(journal: StoredJournal, json: boolean): Promise<number> {
  let count = 0;
  for await (const fault of journal.faults()) {
    count += 1;
    const { type, path, at, detail } = fault;
    print(json ? JSON.stringify(fault) : `${type}: ${path}${at === undefined ? '' : ` at octet ${at}`}: ${detail}`);
  }
  if (!json) {
    const what = `journal of the ${journal.kind} in ${journal.directory}`;
    print(
      count === 0
        ? `${what}: every line is as it was written, and none is missing`
        : `${what}: ${count} ${count === 1 ? 'fault' : 'faults'}`,
    );
  }
  return count === 0 ? EXIT_OK : EXIT_FAILED;
}

interface Counted {
  count: number;
  firstMs: number;
  lastMs: number;
}

async function stat(journal: StoredJournal, json: boolean): Promise<number> {
  const types = new Map<string, Counted>();
  let [events, gaps, firstSequence, lastSequence] = [0, 0, 0, 0];
  for await (const entry of journal.entries()) {
    if (entry.kind === 'gap') {
      gaps += 1;
      continue;
    }
    const { event, sequence } = entry;
    const counted = types.get(event.type) ?? { count: 0, firstMs: event.atMs, lastMs: event.atMs };
    counted.count += 1;
    counted.firstMs = Math.min(counted.firstMs, event.atMs);
    counted.lastMs = Math.max(counted.lastMs, event.atMs);
    types.set(event.type, counted);
    if (events === 0) firstSequence = sequence;
    lastSequence = sequence;
    events += 1;
  }
  const iso = (ms: number): string => new Date(ms).toISOString();
  const files = journal.files.map(({ name, type, sequence, octets, createdAtMs }) => ({
    name,
    type,
    sequence,
    octets,
    createdAt: iso(createdAtMs),
  }));
  const byType = [...types]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([type, { count, firstMs, lastMs }]) => ({ type, count, first: iso(firstMs), last: iso(lastMs) }));
  if (json) {
    print(JSON.stringify({ kind: journal.kind, events, firstSequence, lastSequence, gaps, types: byType, files }));
    return EXIT_OK;
  }
  print(
    `journal of the ${journal.kind}: ${events} ${events === 1 ? 'event' : 'events'}, numbers ${firstSequence} to ${lastSequence}, ${gaps} ${gaps === 1 ? 'gap' : 'gaps'}\n`,
  );
  const typeRows = byType.map(({ type, count, first, last }) => [type, String(count), first, last]);
  print(`${formatTable(['EVENT', 'COUNT', 'FIRST', 'LAST'], typeRows)}\n`);
  const fileRows = files.map(({ name, type, octets, createdAt }) => [name, type, String(octets), createdAt]);
  print(formatTable(['FILE', 'TYPE', 'OCTETS', 'BEGUN'], fileRows));
  return EXIT_OK;
}

/** So much is put together for one write: millions of lines must not each be one. */
const BATCH_LINES = 500;

async function exportEvents(journal: StoredJournal, { name, ...range }: ExportOptions): Promise<number> {
  let lines: string[] = [];
  for await (const entry of journal.entries(range)) {
    if (entry.kind === 'gap') {
      const { atMs, ...gap } = entry.gap;
      lines.push(JSON.stringify({ at: new Date(atMs).toISOString(), gap }));
    } else if (name === undefined || isAboutSubject({ ...entry.event }, name)) {
      lines.push(exported(entry.sequence, entry.event));
    }
    if (lines.length < BATCH_LINES) continue;
    if (!(await write(lines))) return EXIT_OK;
    lines = [];
  }
  await write(lines);
  return EXIT_OK;
}

function exported(sequence: number, { atMs, ...event }: JournalEvent): string {
  return JSON.stringify({ sequence, at: new Date(atMs).toISOString(), ...event });
}

/** Waits for a slow reader: the journal may be larger than the memory. @returns false when no more can be written */
function write(lines: readonly string[]): Promise<boolean> {
  if (lines.length === 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    process.stdout.write(`${lines.join('\n')}\n`, (error: Error | null | undefined) => resolve(!error));
  });
}
