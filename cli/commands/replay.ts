import { SnapshotError } from '../../announcer/decisions/snapshot.ts';
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { AnnouncerReplay } from '../../announcer/report/replay.ts';
import { ZoneReplay } from '../../resolver/report/replay.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { commonSettings } from '../../shared/common-settings.ts';
import type { JournalEvent } from '../../shared/journal/event.ts';
import { JournalOpenError } from '../../shared/journal/journal.ts';
import { StoredJournal } from '../../shared/journal/reading/stored.ts';
import { optionalSetting, readSettings, switchSetting } from '../../shared/settings.ts';
import { type Command, EXIT_FAILED, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';

const settings = {
  against: optionalSetting({
    flag: 'against',
    placeholder: 'JOURNAL',
    help: 'Print only what differs from what this journal gives; exit code 1 when anything does.',
    defaultText: 'print everything',
  }),
  prefix: commonSettings.prefix,
  json: switchSetting({ flag: 'json', help: 'One JSON object a line, sorted: to be compared with diff(1).' }),
};

/** Folds what a journal of its program holds. */
interface Replay<E extends JournalEvent> {
  snapshotLine(line: unknown): void;
  apply(event: E): void;
  result(): ReadonlyMap<string, string>;
}

export const replayCommand: Command = {
  name: 'replay',
  summary: 'Fold a journal with this version, and print the keys or records and answers that it gives',
  description:
    "Fold a journal with this version as a start would (the newest snapshot, and the events behind it), and print the keys it would announce (announcer), or the zone's records and answers (resolver). Before an upgrade, run the same journal with both versions and compare: no output of diff(1) means that nothing changes. Settings are fixed, so that versions are compared and not configurations.",
  arguments: [{ name: 'journal', help: 'such as /var/lib/rollcall/resolver/journal', required: true }],
  settings,
  examples: [
    'rollcall replay /var/lib/rollcall/resolver/journal --json > before',
    'rollcall replay /var/lib/rollcall/resolver/journal --against /backup/resolver/journal',
  ],
  run: async ({ arguments: [directory = ''], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('replay', read.problems);
    const { against, prefix, json } = read.values;
    try {
      const journal = await StoredJournal.open<JournalEvent>(directory);
      const lines = await fold(journal, prefix);
      if (against === undefined) {
        for (const [subject, value] of lines) print(json ? JSON.stringify({ subject, value }) : `${subject} ${value}`);
        return EXIT_OK;
      }
      const other = await StoredJournal.open<JournalEvent>(against);
      if (other.kind !== journal.kind) {
        complain(
          `replay: ${directory} is of the ${journal.kind}, ${against} of the ${other.kind}: they say nothing of each other`,
        );
        return EXIT_FAILED;
      }
      return compare(await fold(other, prefix), lines, json);
    } catch (error) {
      if (!(error instanceof JournalOpenError || error instanceof SnapshotError)) throw error;
      complain(`replay: ${error.message}`);
      return EXIT_FAILED;
    }
  },
};

/** In the order of the subjects. */
async function fold(journal: StoredJournal<JournalEvent>, prefix: string): Promise<ReadonlyMap<string, string>> {
  const replay = replayOf(journal.kind, prefix);
  const snapshot = await journal.newestSnapshot();
  if (snapshot !== undefined) for await (const line of snapshot.lines()) replay.snapshotLine(line);
  for await (const entry of journal.entries({ fromSequence: (snapshot?.sequence ?? 0) + 1 })) {
    if (entry.kind === 'event') replay.apply(entry.event);
  }
  return new Map([...replay.result()].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)));
}

/** @throws {JournalOpenError} `wrong-kind`: a journal of the embedded store */
function replayOf(kind: string, prefix: string): Replay<JournalEvent> {
  if (kind === 'announcer') {
    const replay = new AnnouncerReplay();
    return {
      snapshotLine: (line) => replay.snapshotLine(line),
      apply: (event) => replay.apply(event as AnnouncerEvent),
      result: () => replay.result(),
    };
  }
  if (kind === 'resolver') {
    const replay = new ZoneReplay(prefix);
    return {
      snapshotLine: (line) => replay.snapshotLine(line),
      apply: (event) => replay.apply(event as ZoneEvent),
      result: () => replay.result(),
    };
  }
  throw new JournalOpenError(
    'wrong-kind',
    `a journal of the ${kind} gives no keys and no answers; name the announcer's or the resolver's`,
  );
}

function compare(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>, json: boolean): number {
  let differences = 0;
  for (const subject of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [was, is] = [before.get(subject), after.get(subject)];
    if (was === is) continue;
    differences += 1;
    if (json) print(JSON.stringify({ subject, before: was ?? null, after: is ?? null }));
    else {
      if (was !== undefined) print(`- ${subject} ${was}`);
      if (is !== undefined) print(`+ ${subject} ${is}`);
    }
  }
  if (differences === 0 && !json) print('no difference');
  return differences === 0 ? EXIT_OK : EXIT_FAILED;
}
