export interface GapJson {
  readonly atMs: number;
  readonly fromSequence?: number;
  readonly toSequence?: number;
  readonly lost?: number;
  readonly reason: string;
}

const REASONS: Readonly<Record<string, string>> = {
  unwritable: 'the disk did not take them',
  overflow: 'they came faster than the disk took them',
  unencodable: 'they had no JSON form',
  crash: 'the process ended before they were written',
  corrupt: 'their lines cannot be read, or are gone',
};

/** `2026-11-20T14:32:00.000Z  3 events missing up to here: the disk did not take them`. */
export function gapText({ atMs, lost, reason }: GapJson): string {
  const count = lost === undefined ? 'events may be' : lost === 1 ? '1 event' : `${lost} events`;
  return `${new Date(atMs).toISOString()}  ${count} missing up to here: ${REASONS[reason] ?? reason}`;
}
