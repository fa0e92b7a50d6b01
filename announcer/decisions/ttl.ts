import { decodeRecord } from '../../shared/record.ts';

/** How long an answer made of `value` may be kept, in seconds; 0 when it does not say, or is no record. */
export function ttlOf(value: string): number {
  const decoded = decodeRecord(value);
  return decoded.ok ? (decoded.record.ttl ?? 0) : 0;
}
