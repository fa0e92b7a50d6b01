import { decodeRecord, encodeRecord, type ServiceRecord } from '../../shared/record.ts';

/** The value to write for a record that is announced at `atMs`. */
export function announcedValue(record: ServiceRecord, atMs: number): string {
  return encodeRecord({ ...record, announcedAt: new Date(atMs).toISOString() });
}

/** `value` with another time, or (undefined) without one. */
export function retimed(value: string, atMs: number | undefined): string {
  const decoded = decodeRecord(value);
  // Of our own making: what is not a record never came into the state.
  if (!decoded.ok) return value;
  const { announcedAt: _dropped, ...record } = decoded.record;
  return atMs === undefined ? encodeRecord(record) : announcedValue(record, atMs);
}
