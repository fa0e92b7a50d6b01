/** A file of a journal, as its name and header tell. */
export interface JournalFile {
  readonly name: string;
  readonly type: 'segment' | 'snapshot';
  /** Of a segment, the lowest number it may hold; of a snapshot, the last event in it. */
  readonly sequence: number;
  readonly octets: number;
  readonly createdAtMs: number;
}

export interface RetentionLimits {
  readonly keepOctets: number;
  readonly keepMs: number;
  /**
   * Segments stay until two snapshots have all that is in them, whatever the limits: for a journal whose state nobody else
   * has. Otherwise, without a snapshot the limits alone decide.
   */
  readonly keepUncovered: boolean;
}

export interface RetentionPlan {
  readonly remove: readonly JournalFile[];
  /** Octets that stay beyond the limit, because the state could not be rebuilt without them; 0 when the limit holds. */
  readonly overOctets: number;
}

/** The newest, and the one before it in case the newest is damaged. */
export const SNAPSHOTS_KEPT = 2;

const SEGMENT_NAME = /^(\d{16})\.jsonl$/;
const SNAPSHOT_NAME = /^(\d{16})\.snapshot\.jsonl$/;

/** Sixteen digits hold every safe integer, and names sort as numbers do. */
export function segmentName(firstSequence: number): string {
  return `${String(firstSequence).padStart(16, '0')}.jsonl`;
}

export function snapshotName(sequence: number): string {
  return `${String(sequence).padStart(16, '0')}.snapshot.jsonl`;
}

/** What a name in the directory stands for; undefined when it is not a file of the journal. */
export function parseFileName(name: string): { type: JournalFile['type']; sequence: number } | undefined {
  const segment = SEGMENT_NAME.exec(name);
  if (segment !== null) return { type: 'segment', sequence: Number(segment[1]) };
  const snapshot = SNAPSHOT_NAME.exec(name);
  return snapshot === null ? undefined : { type: 'snapshot', sequence: Number(snapshot[1]) };
}

/**
 * Decides what to remove: the oldest first, by age and by total size, never the newest segment, and never what the two
 * newest snapshots need (themselves and every segment with a later event).
 * What is kept has no hole in it. A segment is as old as its last event, which is no younger than its successor.
 */
export function planRetention(files: readonly JournalFile[], limits: RetentionLimits, nowMs: number): RetentionPlan {
  const inOrder = [...files].sort((a, b) => a.sequence - b.sequence);
  const segments = inOrder.filter((file) => file.type === 'segment');
  const keptSnapshots = inOrder.filter((file) => file.type === 'snapshot').slice(-SNAPSHOTS_KEPT);
  const uncovered = limits.keepUncovered && keptSnapshots.length < SNAPSHOTS_KEPT;
  const neededFrom = uncovered ? 0 : (keptSnapshots[0]?.sequence ?? Number.POSITIVE_INFINITY) + 1;
  const successor = new Map(segments.map((segment, at) => [segment, segments[at + 1]]));

  const removable = (file: JournalFile): boolean => {
    if (file.type === 'snapshot') return !keptSnapshots.includes(file);
    const next = successor.get(file);
    return next !== undefined && next.sequence <= neededFrom;
  };
  const endedMs = (file: JournalFile): number => (successor.get(file) ?? file).createdAtMs;

  const remove = new Set<JournalFile>();
  let octets = inOrder.reduce((total, file) => total + file.octets, 0);
  let holding = false; // a segment that stays keeps all later ones
  for (const file of inOrder) {
    if (!removable(file)) continue;
    const due = octets > limits.keepOctets || endedMs(file) < nowMs - limits.keepMs;
    if (file.type === 'segment' && (holding || !due)) {
      holding = true;
      continue;
    }
    if (!due) continue;
    remove.add(file);
    octets -= file.octets;
  }

  // A snapshot whose next event is gone leads nowhere.
  const oldest = segments.find((segment) => !remove.has(segment));
  for (const file of inOrder) {
    const unreachable = oldest !== undefined && file.type === 'snapshot' && file.sequence + 1 < oldest.sequence;
    if (!unreachable || remove.has(file) || keptSnapshots.includes(file)) continue;
    remove.add(file);
    octets -= file.octets;
  }
  return { remove: [...remove], overOctets: Math.max(0, octets - limits.keepOctets) };
}
