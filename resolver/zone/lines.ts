import type { EtcdKey } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { FollowState } from '../following/state.ts';
import type { ZoneEvent } from './event.ts';
import type { StoredEntry } from './stored-record.ts';
import type { Zone } from './zone.ts';

/** The first line of a snapshot of the zone; the lines behind it are {@link EntryLine}s, in key order. */
export interface HeadLine {
  readonly prefix: string;
  readonly storeId?: string;
  readonly revision: string;
  readonly lostAtMs?: number;
  readonly replacedAtMs?: number;
  readonly isReplacedByChoice?: true;
  /** As in `FollowState`. */
  readonly named?: string;
  readonly syncedAs?: string;
  /** When the zone was last known to be true. */
  readonly confirmedAtMs?: number;
  /** Whether it was followed at the moment of the snapshot. */
  readonly isLive?: boolean;
  /** Written by a resolver that had stopped. */
  readonly isStopped?: boolean;
}

/** Short names: there may be a million of them. */
export interface EntryLine {
  readonly k: EtcdKey;
  readonly v: string;
  readonly r: string;
  readonly l?: LeaseId;
}

/** What a snapshot says of the zone beside its records. */
export interface Standing {
  readonly confirmedAtMs: number | undefined;
  readonly isLive: boolean;
  readonly isStopped?: boolean;
}

/** So many entries are copied in a few milliseconds. */
const COPIED_ENTRIES_MAX = 20_000;

/**
 * The lines of a snapshot, as the zone stands now. Of a zone too large to be copied without holding up answers, a key that
 * changes while the lines are read may stand in them as it is by then, or not at all: the journal has its event behind the
 * snapshot, so that folding both gives the truth; only a look at the few seconds in between is blurred.
 */
export function linesOf(
  zone: Zone,
  state: FollowState,
  { confirmedAtMs, isLive, isStopped = false }: Standing,
): Iterable<HeadLine | EntryLine> {
  const { storeId, lostAtMs, replacedAtMs, isReplacedByChoice, named, syncedAs } = state;
  const head: HeadLine = {
    prefix: zone.prefix,
    revision: String(state.revision),
    ...(storeId !== undefined && { storeId }),
    ...(lostAtMs !== undefined && { lostAtMs }),
    ...(replacedAtMs !== undefined && { replacedAtMs }),
    ...(isReplacedByChoice && { isReplacedByChoice }),
    ...(named !== undefined && { named }),
    ...(syncedAs !== undefined && { syncedAs }),
    ...(confirmedAtMs !== undefined && { confirmedAtMs }),
    isLive,
    ...(isStopped && { isStopped }),
  };
  const entries = zone.size <= COPIED_ENTRIES_MAX ? [...zone.entries()] : zone.entries();
  return linesFrom(head, entries);
}

function* linesFrom(head: HeadLine, entries: Iterable<StoredEntry>): Generator<HeadLine | EntryLine> {
  yield head;
  for (const { key, value, revision, lease } of entries) {
    yield { k: key, v: value, r: revision, ...(lease !== undefined && { l: lease }) };
  }
}

/** The follower's state that a head line holds. */
export function stateOf(head: HeadLine): FollowState {
  return {
    storeId: head.storeId,
    revision: BigInt(head.revision),
    lostAtMs: head.lostAtMs,
    replacedAtMs: head.replacedAtMs,
    isReplacedByChoice: head.isReplacedByChoice === true,
    named: head.named,
    syncedAs: head.syncedAs,
  };
}

/** The event that puts a snapshot's entry into a zone. When it happened is not known: before the snapshot. */
export function eventOf({ k, v, r, l }: EntryLine, atMs: number): Extract<ZoneEvent, { type: 'RecordPut' }> {
  return { type: 'RecordPut', atMs, key: k, value: v, revision: r, ...(l !== undefined && { lease: l }), late: true };
}

/** The event that gives a zone a snapshot's revision and store; undefined when it was never synced. */
export function syncOf(head: HeadLine, zone: Zone, atMs: number): ZoneEvent | undefined {
  if (head.storeId === undefined) return undefined;
  return { type: 'ZoneSynced', atMs, revision: head.revision, storeId: head.storeId, records: zone.size };
}
