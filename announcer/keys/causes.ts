import { type ChangeCause, causesKeyOf, encodeCauses } from '../../shared/causes.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { decodeRecord } from '../../shared/record.ts';
import type { LeaseId, Transaction, Write } from '../../shared/store.ts';
import type { DriftCause } from '../event.ts';
import type { PlannedTransaction, PlannedWrite } from './plan.ts';

/** What was concluded that a key is wanted, or wanted no more. */
export type WishReason = Omit<ChangeCause, 'key' | 'write'>;

/** What is known of why keys are written. */
export interface Reasons {
  reasonFor(key: EtcdKey): WishReason | undefined;
  /** What the write repairs. */
  repairOf(key: EtcdKey): DriftCause | undefined;
}

/** Where the causes go: with the claim they come, and with the claim's lease they go. */
export interface CausesPlace {
  /** The host, or of `rollcall run` what claims in its place. */
  readonly owning: string;
  readonly lease: LeaseId;
}

/**
 * The transaction with one write more, which says why the others are made: at the same revision, so that who follows both
 * can put them together. It is written only with others, and expects nothing of what stood there.
 */
export function withCauses(
  { transaction, writes }: PlannedTransaction,
  { owning, lease }: CausesPlace,
  reasons: Reasons,
  nowMs: number,
): Transaction {
  const value = encodeCauses(writes.map((write) => causeOf(write, reasons, nowMs)));
  return {
    ...transaction,
    writes: [...transaction.writes, { type: 'put', key: causesKeyOf(owning), value, lease }],
  };
}

/** Of a write to another lease: nothing was seen of the container, so nothing else says why. */
const MOVED = 'lease lost or replaced; written again';

/** A write that no conclusion led to says what it is for: the lease was lost, someone edited the key, we were started anew. */
function causeOf({ write, cause }: PlannedWrite, reasons: Reasons, nowMs: number): ChangeCause {
  const { key } = write;
  const reason = reasons.reasonFor(key);
  if (reason !== undefined) return { key, write: cause, ...reason };
  const container = containerOf(write);
  return {
    key,
    write: cause,
    cause: reasons.repairOf(key) ?? (cause === 'moved' ? MOVED : cause),
    decidedAtMs: nowMs,
    ...(container !== undefined && { container }),
  };
}

function containerOf(write: Write): string | undefined {
  if (write.type === 'delete') return undefined;
  const decoded = decodeRecord(write.value);
  return decoded.ok ? decoded.record.container : undefined;
}
