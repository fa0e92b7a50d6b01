import type { EtcdKey } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';

/**
 * What the resolver learned of the store: past tense, replayable, in its journal. Folding all events up to a revision
 * gives the zone at that revision. Revisions are decimal digits: JSON numbers lose them above 2^53.
 */
export type ZoneEvent = {
  readonly atMs: number;
} /** `confirmedAtMs`: when the zone it starts with was last known to be true; absent when it starts without one. */ & (
  | { readonly type: 'ResolverStarted'; readonly version: string; readonly confirmedAtMs?: number }
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
  /** The zone is what the store held at `revision`; `records` is their number. */
  | { readonly type: 'ZoneSynced'; readonly revision: string; readonly storeId: string; readonly records: number }
  /** Another store stands where the old one was (restored, data lost): its revisions mean nothing to the old one's. */
  | { readonly type: 'StoreReplaced'; readonly storeId: string; readonly revision: string }
  /** From here on the zone is followed, and has all that the store had: until the store is lost or the process ends. */
  | { readonly type: 'ZoneConfirmed'; readonly revision: string }
  /** `confirmedAtMs`: when the zone was last known to be true. */
  | { readonly type: 'StoreLost'; readonly reason: string; readonly confirmedAtMs?: number }
  | { readonly type: 'StoreRegained'; readonly awayMs: number }
  /** A full read differed from the zone though no watch had broken. */
  | { readonly type: 'DriftFound'; readonly key: EtcdKey; readonly detail: string }
);
