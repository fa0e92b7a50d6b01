import type { EtcdKey, OwnerName } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';

/**
 * What the resolver learned of the store: past tense, replayable, in its journal. Folding all events up to a revision
 * gives the zone at that revision. Revisions are decimal digits: JSON numbers lose them above 2^53.
 */
export type ZoneEvent = {
  readonly atMs: number;
} & (
  | {
      readonly type: 'ResolverStarted';
      readonly version: string;
      /** The store that it was told to follow, as `Store.description` has it. */
      readonly store?: string;
      /** When the zone it starts with was last known to be true; absent when it starts without one. */
      readonly confirmedAtMs?: number;
    }
  | { readonly type: 'ResolverStopped' }
  | {
      readonly type: 'RecordPut';
      readonly revision: string;
      readonly key: EtcdKey;
      readonly value: string;
      readonly lease?: LeaseId;
      /** Not seen when it happened, but found by reading again after a gap. */
      readonly late?: true;
    }
  | { readonly type: 'RecordDeleted'; readonly revision: string; readonly key: EtcdKey; readonly late?: true }
  | ChangeExplained
  /** The zone is what the store held at `revision`; `records` is their number. */
  | { readonly type: 'ZoneSynced'; readonly revision: string; readonly storeId: string; readonly records: number }
  /**
   * Another store stands where the old one was (restored, data lost): its revisions mean nothing to the old one's. `isChosen`:
   * the resolver was told to follow another one.
   */
  | { readonly type: 'StoreReplaced'; readonly storeId: string; readonly revision: string; readonly isChosen?: true }
  /** From here on the zone is followed, and has all that the store had: until the store is lost or the process ends. */
  | { readonly type: 'ZoneConfirmed'; readonly revision: string }
  /** `confirmedAtMs`: when the zone was last known to be true. */
  | { readonly type: 'StoreLost'; readonly reason: string; readonly confirmedAtMs?: number }
  | { readonly type: 'StoreRegained'; readonly awayMs: number }
  /**
   * The first query was answered with a change of `key`: not part of the zone. `question` is name and type asked; `afterMs`
   * counts from when the change was applied.
   */
  | {
      readonly type: 'ChangeAnswered';
      readonly revision: string;
      readonly key: EtcdKey;
      readonly name: OwnerName;
      readonly question: string;
      readonly outcome: 'answer' | 'nodata' | 'nxdomain';
      readonly afterMs: number;
    }
  /** A full read differed from the zone though no watch had broken. */
  | { readonly type: 'DriftFound'; readonly key: EtcdKey; readonly detail: string }
);

/**
 * Why the announcer of `host` made the change that another event told: the `RecordPut` or `RecordDeleted` with this
 * `revision` and `key`, which is before it in the journal, and whose `atMs` it has. It changes nothing.
 */
export interface ChangeExplained {
  readonly type: 'ChangeExplained';
  readonly atMs: number;
  readonly revision: string;
  readonly key: EtcdKey;
  /** Who wrote it: a host, or of `rollcall run` `<host>+run/<service>/<instance>`. */
  readonly host: string;
  /** What the write was for: `announced`, `changed`, `moved`, `withdrawn`, `unclaimed`. */
  readonly write: string;
  /** What was seen that made it so: `docker kill 15`, `health_status: unhealthy`, `drain by command`. */
  readonly cause: string;
  /** When that happened, by the clock of where it did; absent of what was found by a comparison. */
  readonly causedAtMs?: number;
  /** By the announcer's clock. */
  readonly decidedAtMs: number;
  /** Full id. */
  readonly container?: string;
  readonly containerName?: string;
}
