import type { LeaseId } from '../../shared/store.ts';
import type { DriftCause } from '../event.ts';
import type { Learned } from './standing.ts';

/** What we want of the key that something was learned about. */
export interface Wanted {
  /** Undefined when the key is not to stand. */
  readonly value: string | undefined;
  /** The living lease of the key's shard; undefined when there is none now. */
  readonly lease: LeaseId | undefined;
}

/**
 * Names the difference between what we left in the store and what was found there, when someone else made it.
 *
 * A key that went with its lease is no drift, nor is one that stands as we want it: our own writes are told by the watch
 * too, and may be told before the transaction that made them is answered.
 */
export function driftOf({ before, after }: Learned, wanted: Wanted): DriftCause | undefined {
  if (wanted.value === undefined) return undefined; // unclaimed keys are named when they are removed
  const wasOurs = before !== undefined && before.foreignOwner === undefined;
  if (after === undefined) return wasOurs && before.lease === wanted.lease ? 'key-missing' : undefined;
  if (after.foreignOwner !== undefined) return wasOurs ? 'key-foreign' : undefined;
  if (!wasOurs) return undefined;
  if (after.value === wanted.value && after.lease === wanted.lease) return undefined;
  const asWeLeftIt = after.value === before.value && after.lease === before.lease;
  return asWeLeftIt ? undefined : 'key-edited';
}
