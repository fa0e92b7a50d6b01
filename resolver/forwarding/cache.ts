import { Rcode, RrType } from '../../shared/rrset.ts';
import type { ScannedMessage } from './message.ts';

export interface ForwardCacheLimits {
  readonly entriesMax: number;
  /** Of messages and keys together. */
  readonly octetsMax: number;
}

/** As unbound's `cache-max-ttl`, and RFC 8767 §4's recommendation lies above it. */
export const TTL_MAX_SECONDS = 86_400;
/** RFC 2308 §5: one to three hours are sensible; a container that was just started wants less. */
export const NEGATIVE_TTL_MAX_SECONDS = 900;
/** RFC 9520 §3.2: a failure is remembered for at least a second, so that it is not asked again in a loop. */
export const FAILURE_TTL_SECONDS = 1;

interface Entry {
  readonly response: Uint8Array | undefined;
  readonly ttlsAt: readonly number[];
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  readonly octets: number;
}

/** `response: undefined` is a failure that is remembered: no upstream answered. */
export interface CacheHit {
  readonly response: Uint8Array | undefined;
}

/**
 * Responses of upstreams, kept for their TTL. The least recently used go when a limit is reached. Time comes as an
 * argument; nothing here expires by itself.
 */
export class ForwardCache {
  readonly #limits: ForwardCacheLimits;
  /** In order of use: Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>();
  #octets = 0;
  #evictions = 0;

  constructor(limits: ForwardCacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Entries dropped for room before their time; since start. */
  get evictions(): number {
    return this.#evictions;
  }

  /** A copy of the response with every TTL less the seconds since it was stored. */
  get(key: string, nowMs: number): CacheHit | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A clock that was set back must not make an entry live longer.
    if (nowMs >= entry.expiresAtMs || nowMs < entry.storedAtMs) {
      this.#remove(key, entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return { response: entry.response && aged(entry.response, entry.ttlsAt, nowMs - entry.storedAtMs) };
  }

  /**
   * Keeps a cleaned response for {@link ttlSecondsOf}; 0 keeps nothing. The SOA of a negative one gets that TTL, in `response`
   * itself: a client that keeps it too would else begin anew with the SOA's minimum, however long it was kept here (RFC 2308 §5).
   */
  put(key: string, response: Uint8Array, scanned: ScannedMessage, nowMs: number): void {
    const ttlSeconds = ttlSecondsOf(scanned);
    if (ttlSeconds === 0) return;
    const ttlsAt = scanned.records.filter((each) => each.ttlAt < response.length && each.type !== RrType.OPT);
    const view = new DataView(response.buffer, response.byteOffset, response.byteLength);
    for (const { type, section, ttlAt } of ttlsAt) {
      if (type !== RrType.SOA || section !== 'authority') continue;
      view.setUint32(ttlAt, Math.min(view.getUint32(ttlAt), ttlSeconds));
    }
    this.#insert(
      key,
      response,
      ttlsAt.map((each) => each.ttlAt),
      ttlSeconds,
      nowMs,
    );
  }

  putFailure(key: string, nowMs: number): void {
    this.#insert(key, undefined, [], FAILURE_TTL_SECONDS, nowMs);
  }

  clear(): void {
    this.#entries.clear();
    this.#octets = 0;
  }

  #insert(
    key: string,
    response: Uint8Array | undefined,
    ttlsAt: readonly number[],
    ttlSeconds: number,
    nowMs: number,
  ): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    const octets = key.length + (response?.length ?? 0);
    if (octets > this.#limits.octetsMax) return;
    this.#entries.set(key, { response, ttlsAt, storedAtMs: nowMs, expiresAtMs: nowMs + ttlSeconds * 1000, octets });
    this.#octets += octets;
    for (const [oldKey, old] of this.#entries) {
      if (this.#entries.size <= this.#limits.entriesMax && this.#octets <= this.#limits.octetsMax) break;
      this.#remove(oldKey, old);
      this.#evictions += 1;
    }
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#octets -= entry.octets;
  }
}

function aged(response: Uint8Array, ttlsAt: readonly number[], ageMs: number): Uint8Array {
  const copy = response.slice();
  const view = new DataView(copy.buffer);
  const ageSeconds = Math.floor(ageMs / 1000);
  for (const at of ttlsAt) view.setUint32(at, Math.max(0, view.getUint32(at) - ageSeconds));
  return copy;
}

/**
 * For how long a response may be kept; 0 is not at all. A positive one for its least TTL. A negative one for the lesser
 * of its SOA's TTL and MINIMUM (RFC 2308 §5), and without a SOA not at all.
 */
export function ttlSecondsOf(scanned: ScannedMessage): number {
  const records = scanned.records.filter((record) => record.type !== RrType.OPT);
  const least = (from: readonly { ttlSeconds: number }[], max: number): number =>
    from.reduce((seconds, record) => Math.min(seconds, record.ttlSeconds), max);
  if (scanned.rcode === Rcode.SERVFAIL) return FAILURE_TTL_SECONDS;
  if (scanned.rcode !== Rcode.NOERROR && scanned.rcode !== Rcode.NXDOMAIN) return 0;
  if (scanned.rcode === Rcode.NOERROR && hasAnswer(scanned)) return least(records, TTL_MAX_SECONDS);
  const soa = records.filter((record) => record.section === 'authority' && record.type === RrType.SOA);
  if (soa.length === 0) return 0;
  return least(
    [...records, ...soa.map((record) => ({ ttlSeconds: record.soaMinimum ?? 0 }))],
    NEGATIVE_TTL_MAX_SECONDS,
  );
}

/** A CNAME alone answers no other type: the chain ended in NODATA (RFC 2308 §2.2). */
function hasAnswer({ records, questionType }: ScannedMessage): boolean {
  return records.some(
    ({ section, type }) => section === 'answer' && (type === questionType || questionType === RrType.ANY),
  );
}
