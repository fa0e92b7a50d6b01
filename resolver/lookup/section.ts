import type { OwnerName } from '../../shared/name.ts';
import type { Rdata, ResourceRecord } from '../../shared/rrset.ts';
import { formatRdata } from '../../shared/rrset-text.ts';
import type { Trail } from './trail.ts';
import { type Lifetime, shorter, ttlHoldsUntil } from './ttl.ts';

interface Line {
  readonly owner: OwnerName;
  readonly rdata: Rdata;
  lifetime: Lifetime;
}

/** A section of an answer in the making: no RR twice (RFC 2181 §5), one CNAME an owner (RFC 1034 §3.6.2). */
export class Section {
  private readonly lines = new Map<string, Line>();

  add(owner: OwnerName, rdata: Rdata, lifetime: Lifetime): void {
    const key = rdata.type === 'CNAME' ? `CNAME ${owner}` : `${rdata.type} ${owner} ${formatRdata(rdata)}`;
    const line = this.lines.get(key);
    if (line === undefined) this.lines.set(key, { owner, rdata, lifetime });
    else line.lifetime = shorter(line.lifetime, lifetime);
  }

  get size(): number {
    return this.lines.size;
  }

  /** The RRs of this and a following section, all with the smallest TTL. */
  recordsWithOneTtl(trail: Trail, following = new Section()): ResourceRecord[] {
    return lowered([...this.lines.values(), ...following.lines.values()], trail);
  }

  /** The RRs, each RRset with the smallest TTL in it (RFC 2181 §5.2). */
  recordsBySet(trail: Trail): ResourceRecord[] {
    const sets = new Map<string, Line[]>();
    for (const line of this.lines.values()) {
      const key = `${line.rdata.type} ${line.owner}`;
      const set = sets.get(key);
      if (set === undefined) sets.set(key, [line]);
      else set.push(line);
    }
    return [...sets.values()].flatMap((set) => lowered(set, trail));
  }
}

function lowered(lines: readonly Line[], trail: Trail): ResourceRecord[] {
  const ttlSeconds = lines.reduce(
    (least, { lifetime }) => Math.min(least, lifetime.ttlSeconds),
    Number.POSITIVE_INFINITY,
  );
  for (const { lifetime } of lines) trail.holdsUntil(ttlHoldsUntil(lifetime, ttlSeconds));
  return lines.map(({ owner, rdata }) => ({ owner, ttlSeconds, ...rdata }));
}
