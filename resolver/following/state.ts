import type { EtcdKey } from '../../shared/name.ts';
import type { ChangeBatch, Revision } from '../../shared/store.ts';
import type { ZoneEvent } from '../zone/event.ts';

/** What the follower must remember of the store: folded from the same events as the zone, so it survives a restart. */
export interface FollowState {
  /** Of the store that the revisions count in; undefined before the first sync. */
  readonly storeId: string | undefined;
  /** The last revision seen. */
  readonly revision: Revision;
  /** When the store was lost; undefined while it is there. */
  readonly lostAtMs: number | undefined;
  /** When another store was found in the place of the old one. */
  readonly replacedAtMs: number | undefined;
  /** It was because another one was to be followed. */
  readonly isReplacedByChoice: boolean;
  /** The store that this process was told to follow; undefined when its journal is older than that is told. */
  readonly named: string | undefined;
  /** As {@link named}, when the store was last synced with. */
  readonly syncedAs: string | undefined;
}

export const initialFollowState: FollowState = {
  storeId: undefined,
  revision: 0n,
  lostAtMs: undefined,
  replacedAtMs: undefined,
  isReplacedByChoice: false,
  named: undefined,
  syncedAs: undefined,
};

export function evolveFollow(state: FollowState, event: ZoneEvent): FollowState {
  switch (event.type) {
    case 'RecordPut':
    case 'RecordDeleted': {
      const revision = BigInt(event.revision);
      // A late event may be older than what was seen since.
      return revision > state.revision ? { ...state, revision } : state;
    }
    case 'ResolverStarted':
      return { ...state, named: event.store };
    case 'ZoneSynced':
      return { ...state, storeId: event.storeId, revision: BigInt(event.revision), syncedAs: state.named };
    case 'StoreReplaced': {
      const { storeId, atMs: replacedAtMs, isChosen = false } = event;
      return { ...state, storeId, revision: BigInt(event.revision), replacedAtMs, isReplacedByChoice: isChosen };
    }
    case 'StoreLost':
      return { ...state, lostAtMs: event.atMs };
    case 'StoreRegained':
      return { ...state, lostAtMs: undefined };
    default:
      return state;
  }
}

/** What a read says of the store as a whole. */
export interface Head {
  readonly revision: Revision;
  readonly storeId: string;
}

/**
 * Whether another store stands there now. The id alone does not tell: an etcd made anew with the same flags has the same
 * cluster id, and one restored from a backup begins behind what was seen.
 */
export function isReplaced(state: FollowState, head: Head): boolean {
  if (state.storeId === undefined) return false;
  return head.storeId !== state.storeId || head.revision < state.revision;
}

/** Whether another store than the one that was synced with is followed because `--etcd` names another. */
export function isChosenAnew({ named, syncedAs }: FollowState): boolean {
  return syncedAs !== undefined && named !== syncedAs;
}

/** Until when a key that is absent from a read is kept all the same; in the past when none is. */
export function holdUntilMs(state: FollowState, holdMs: number): number {
  return state.replacedAtMs === undefined ? Number.NEGATIVE_INFINITY : state.replacedAtMs + holdMs;
}

export type RecordEvent = Extract<ZoneEvent, { type: 'RecordPut' | 'RecordDeleted' }>;

/**
 * The events of a batch from the watch.
 *
 * @param lateUpTo changes up to this revision happened while nobody watched
 * @param repaired keys that a read has shown at a revision that the watch may not have reached: older changes of them are over
 */
export function eventsOfBatch(
  batch: ChangeBatch,
  atMs: number,
  lateUpTo: Revision,
  repaired: ReadonlyMap<EtcdKey, Revision>,
): RecordEvent[] {
  const events: RecordEvent[] = [];
  for (const change of batch.changes) {
    const { key, modRevision } = change.type === 'put' ? change.entry : change;
    if (modRevision <= (repaired.get(key) ?? 0n)) continue;
    const common = {
      atMs,
      key,
      revision: String(modRevision),
      ...(modRevision <= lateUpTo && { late: true as const }),
    };
    if (change.type === 'delete') {
      events.push({ type: 'RecordDeleted', ...common });
    } else {
      const { value, lease } = change.entry;
      events.push({ type: 'RecordPut', ...common, value, ...(lease !== undefined && { lease }) });
    }
  }
  return events;
}

/**
 * Whether a difference between a read and the zone still stands, given the revision at which the watch changed the key
 * since the read began: what the watch brought after the read's revision is newer than the read.
 */
export function stillStands(event: RecordEvent, touchedAt: Revision | undefined, readRevision: Revision): boolean {
  if (touchedAt === undefined) return true;
  return event.type === 'RecordPut' ? touchedAt < BigInt(event.revision) : touchedAt <= readRevision;
}
