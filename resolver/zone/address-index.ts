import { compareKeys } from '../../shared/name.ts';
import { KeyRecord } from './key-node.ts';
import type { StoredRecord } from './stored-record.ts';

/** Which records announce an address: what PTR answers are derived from. Most addresses have one record. */
export class AddressIndex {
  private readonly records = new Map<string, KeyRecord | Set<KeyRecord>>();

  /** In key order. */
  at(address: string): readonly StoredRecord[] {
    const found = this.records.get(address);
    if (found === undefined) return [];
    if (found instanceof KeyRecord) return [found];
    return [...found]
      .map((record) => ({ record, key: record.key }))
      .sort((a, b) => compareKeys(a.key, b.key))
      .map(({ record }) => record);
  }

  add(address: string, record: KeyRecord): void {
    const found = this.records.get(address);
    if (found === undefined) this.records.set(address, record);
    else if (found instanceof KeyRecord) this.records.set(address, new Set([found, record]));
    else found.add(record);
  }

  remove(address: string, record: KeyRecord): void {
    const found = this.records.get(address);
    if (found === record) this.records.delete(address);
    else if (found instanceof Set && found.delete(record) && found.size === 1) {
      for (const last of found) this.records.set(address, last);
    }
  }
}
