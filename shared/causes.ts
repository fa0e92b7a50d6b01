import stringify from 'fast-json-stable-stringify';
import type { EtcdKey } from './name.ts';
import { TRANSACTION_OPS_MAX } from './store.ts';

/** Why an announcer wrote or removed a key. */
export interface ChangeCause {
  readonly key: EtcdKey;
  /** What the write was for: `announced`, `changed`, `moved`, `withdrawn`, `unclaimed`. */
  readonly write: string;
  /** What was seen that made it so: `docker kill 15`, `health_status: unhealthy`, `drain by command`. */
  readonly cause: string;
  /** When that happened, by the clock of where it did; absent of what was found by a comparison. */
  readonly causedAtMs?: number;
  readonly decidedAtMs: number;
  /** Full id; absent of a key that belongs to none, or whose container is not known any more. */
  readonly container?: string;
  readonly containerName?: string;
}

/** Beside the claims, outside every prefix, so that no name stands for it. */
export const CAUSES = '/rollcall/causes/';

/** The key that says why the last transaction of an announcer was made, written by that transaction itself. */
export function causesKeyOf(host: string): EtcdKey {
  return `${CAUSES}${host}` as EtcdKey;
}

/** Undefined when `key` is no such key. */
export function hostOfCauses(key: EtcdKey): string | undefined {
  return key.startsWith(CAUSES) && key.length > CAUSES.length ? key.slice(CAUSES.length) : undefined;
}

/** Raised when a field changes its meaning: older readers then leave the causes out. */
const VERSION = 1;
/** A check's own words may be long; 63 of them are in one value. */
const TEXT_MAX = 300;

/** Canonical JSON: the same causes give the same bytes. */
export function encodeCauses(changes: readonly ChangeCause[]): string {
  return stringify({ version: VERSION, changes: changes.map((change) => ({ ...change, cause: cut(change.cause) })) });
}

/** Undefined when `value` is none that this version reads. What is no cause in it is left out. */
export function decodeCauses(value: string): readonly ChangeCause[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return undefined; // any writer may have put it there
  }
  const { version, changes } = (json ?? {}) as { version?: unknown; changes?: unknown };
  if (version !== VERSION || !Array.isArray(changes)) return undefined;
  return changes.slice(0, TRANSACTION_OPS_MAX).flatMap((change: unknown) => causeOf(change) ?? []);
}

function causeOf(json: unknown): ChangeCause | undefined {
  const { key, write, cause, causedAtMs, decidedAtMs, container, containerName } = (json ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof key !== 'string' || typeof write !== 'string' || typeof cause !== 'string' || !isTime(decidedAtMs)) {
    return undefined;
  }
  return {
    key: key as EtcdKey,
    write: cut(write),
    cause: cut(cause),
    ...(isTime(causedAtMs) && { causedAtMs }),
    decidedAtMs,
    ...(typeof container === 'string' && { container: cut(container) }),
    ...(typeof containerName === 'string' && { containerName: cut(containerName) }),
  };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= TIME_MAX_MS;
}

/** Of a `Date`. */
const TIME_MAX_MS = 8.64e15;

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX - 1)}…`;
}
