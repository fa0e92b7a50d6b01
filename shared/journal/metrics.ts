import type { Metrics } from '../metrics.ts';
import type { Journal } from './journal.ts';
import type { JournalStatus } from './status.ts';

/**
 * Declares `rollcall_<component>_journal_…`. The component is in the name because one process may keep three journals,
 * and each name can be declared once; nothing is counted until it is scraped.
 */
export function journalMetrics(
  metrics: Metrics,
  journal: Pick<Journal<never>, 'status'>,
  component: 'announcer' | 'resolver' | 'store',
): void {
  const prefix = `rollcall_${component}_journal`;
  const gauge = (name: string, help: string, read: (status: JournalStatus) => number): void =>
    metrics.gaugeOf(`${prefix}_${name}`, help, () => read(journal.status));
  const counter = (name: string, help: string, read: (status: JournalStatus) => number): void =>
    metrics.counterOf(`${prefix}_${name}_total`, help, [], () => [[[], read(journal.status)]]);

  gauge('writing', '1 while events get to the disk, 0 while the journal is stopped.', ({ state }) =>
    state === 'writing' ? 1 : 0,
  );
  counter('events', 'Events appended since the start, lost ones included.', (status) => status.appended);
  counter('events_lost', 'Events that are not in the journal and will not be.', (status) => status.lost);
  counter('corrupt_lines', 'Lines that could not be read and were left out.', (status) => status.corruptLines);
  counter('torn_octets', 'Octets of an unfinished last line, dropped at the start.', (status) => status.tornOctets);
  counter('damaged_snapshots', 'Snapshots that could not be believed.', (status) => status.damagedSnapshots);
  counter('fsync_failures', 'Segments given up because fsync failed.', (status) => status.fsyncFailures);
  gauge('segments', 'Segment files.', (status) => status.segments);
  gauge('octets', 'Octets of segments and snapshots.', (status) => status.octets);
  gauge('queued_octets', 'Octets that wait for the disk.', (status) => status.queuedOctets);
  gauge('last_sequence', 'Number of the last event.', (status) => status.lastSequence);
}
