import { type OwnerName, ownerOf, ROOT } from '../../shared/name.ts';
import { RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { type LookupSettings, lookup } from '../lookup/lookup.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { type EntryLine, eventOf, type HeadLine } from '../zone/lines.ts';
import { evolve, Zone } from '../zone/zone.ts';

/** Fixed, so that two versions are compared and not two configurations: every name is of the zone. */
const SETTINGS: LookupSettings = {
  zones: [ROOT],
  defaultTtlSeconds: 5,
  negativeTtlSeconds: 5,
  srvWeights: 'percent',
  legacyApex: false,
};

const TYPES: readonly RrTypeName[] = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'MX'];

/** What a start would restore from a journal: the zone's records, and the answers to every name that has one. */
export class ZoneReplay {
  readonly #zone: Zone;
  #isHeadRead = false;
  #isOfOtherPrefix = false;

  constructor(prefix: string) {
    this.#zone = Zone.empty(prefix);
  }

  snapshotLine(line: unknown): void {
    if (!this.#isHeadRead) {
      this.#isHeadRead = true;
      this.#isOfOtherPrefix = (line as HeadLine).prefix !== this.#zone.prefix;
    } else if (!this.#isOfOtherPrefix) {
      evolve(this.#zone, eventOf(line as EntryLine, 0));
    }
  }

  apply(event: ZoneEvent): void {
    evolve(this.#zone, event);
  }

  /** What it is about, and what it says of it. */
  result(): ReadonlyMap<string, string> {
    const lines = new Map<string, string>();
    const names = new Set<OwnerName>();
    for (const { key, value } of this.#zone.entries()) {
      lines.set(`record ${key}`, value);
      const owner = ownerOf(key, this.#zone.prefix);
      for (let name = owner; name !== undefined && name !== ROOT; name = parentOf(name)) names.add(name);
    }
    for (const name of names) for (const type of TYPES) this.#answer(name, type, lines);
    return lines;
  }

  #answer(name: OwnerName, type: RrTypeName, lines: Map<string, string>): void {
    const context = {
      nowMs: 0,
      leaseDeadlineMs: () => undefined,
      outside: () => ({ addresses: [], validUntilMs: Number.POSITIVE_INFINITY }),
      availability: 'live' as const,
    };
    const outcome = lookup(this.#zone, { name, type: RrType[type] }, SETTINGS, context);
    if (outcome.type === 'answer') {
      lines.set(`answer ${name} ${type}`, outcome.answers.map(formatRecord).join('; '));
    } else if (outcome.type !== 'nodata') {
      lines.set(`answer ${name} ${type}`, outcome.type);
    }
  }
}

/** A backslash keeps a dot inside its label. */
function parentOf(name: OwnerName): OwnerName {
  const end = /^(?:\\.|[^.\\])*\./s.exec(name)?.[0].length ?? name.length;
  return (name.slice(end) || ROOT) as OwnerName;
}
