import { isWithin, labelsOf, nameOf, type OwnerName, parseName, ROOT } from '../../shared/name.ts';
import { Rcode, RrClass, RrType } from '../../shared/rrset.ts';
import { soaOf } from '../lookup/records/apex.ts';
import { hostmasterOf, type LookupSettings, localName, nsHome } from '../lookup/settings.ts';
import type { KeyNode } from '../zone/key-node.ts';
import type { KeyTree } from '../zone/key-tree.ts';
import { HEADER_OCTETS } from './accept.ts';
import { HeaderFlag } from './header-flags.ts';
import type { QueryReader } from './query.ts';
import type { Composed } from './respond.ts';

/** RFC 1035 §2.3.4: 255 octets hold at most so many labels. */
const LABELS_MAX = 128;
const UNDERSCORE = 0x5f;
/** Serial, refresh, retry, expire and minimum stand last in an SOA (RFC 1035 §3.3.13). */
const SOA_NUMBERS_OCTETS = 20;
/** Behind the owner, a pointer, and type and class. */
const SOA_TTL_AT = 6;

/** Names that exist or are special by configuration, as a tree from the root. */
interface KnownName {
  readonly children: Map<string, KnownName>;
  /** Set at the apex of a zone. */
  zone: ZoneDenial | undefined;
  /** At and below it a lookup has more to look at than whether keys are there. */
  isLeftToLookup: boolean;
}

/** The SOA of one zone in wire form. */
interface ZoneDenial {
  readonly octets: Uint8Array;
  readonly ttlSeconds: number;
  /** Where `octets` has compression pointers to the zone's name, which stands at the end of the question's. */
  readonly pointerAts: readonly number[];
}

/**
 * NXDOMAIN for names of which no part below what exists is there, written without looking anything up and without keeping
 * anything: a flood of random names costs a walk down the tree each, and no memory.
 *
 * What it says is what a lookup would say. Names that need more than the walk (wildcards, service names, reverse names,
 * names around the apex) it leaves to the lookup.
 */
export class Denials {
  /** Of the denial written last; for {@link Responder.finish}. */
  readonly composed: Pick<Composed, 'rcode' | 'truncated'> & { readonly serialAts: number[] } = {
    rcode: Rcode.NXDOMAIN,
    truncated: false,
    serialAts: [0],
  };
  readonly #tree: () => KeyTree;
  readonly #known = createKnownName();
  /** Where the zone found last begins in the query. */
  #zoneAt = 0;
  readonly #labelAts = new Uint16Array(LABELS_MAX);

  /** @param tree the keys as they are now */
  constructor(
    settings: Pick<LookupSettings, 'zones' | 'nsName' | 'local' | 'negativeTtlSeconds'>,
    tree: () => KeyTree,
  ) {
    this.#tree = tree;
    const { zones, nsName, local } = settings;
    if (nsName !== undefined) this.#know(nsName);
    // Below the root zone's name servers no pointer can save octets; nobody serves the root from etcd.
    for (const zone of zones.filter((each) => each !== ROOT)) {
      this.#know(zone).zone = zoneDenial(zone, settings);
      if (local !== undefined) this.#know(localName(zone));
      // The names in the SOA are compressed further against a question below them.
      for (const name of [nsHome(zone), hostmasterOf(zone)]) this.#know(belowZone(name, zone)).isLeftToLookup = true;
    }
    for (const reverse of ['in-addr.arpa', 'ip6.arpa']) this.#know(parseName(reverse)).isLeftToLookup = true;
  }

  /**
   * Writes NXDOMAIN into `out` when the question's name is in a zone and not there.
   *
   * @param room octets that the response may have
   * @param ttlCapSeconds most that the TTL may be
   * @returns its length; 0 when a lookup must say
   */
  write(query: Uint8Array, reader: QueryReader, room: number, ttlCapSeconds: number, out: Uint8Array): number {
    // Transfers are refused, whatever the name.
    if (reader.type === RrType.AXFR || reader.type === RrType.IXFR) return 0;
    const zone = this.#zoneThatLacks(query);
    if (zone === undefined) return 0;
    const { questionEnd } = reader;
    const { octets, pointerAts } = zone;
    const length = questionEnd + octets.length;
    if (length > room) return 0;
    for (let at = HEADER_OCTETS; at < questionEnd; at += 1) out[at] = query[at] as number;
    out.set(octets, questionEnd);
    if (zone.ttlSeconds > ttlCapSeconds) writeUint32(out, questionEnd + SOA_TTL_AT, ttlCapSeconds);
    for (const at of pointerAts) {
      out[questionEnd + at] = 0xc0 | (this.#zoneAt >>> 8);
      out[questionEnd + at + 1] = this.#zoneAt & 0xff;
    }
    out[2] = (HeaderFlag.QR | HeaderFlag.AA) >>> 8;
    out[3] = Rcode.NXDOMAIN;
    for (let at = 4; at < HEADER_OCTETS; at += 1) out[at] = 0;
    out[5] = 1;
    out[9] = 1;
    this.composed.serialAts[0] = length - SOA_NUMBERS_OCTETS;
    return length;
  }

  /** The zone of the question's name, when neither a key nor configuration knows the name. */
  #zoneThatLacks(query: Uint8Array): ZoneDenial | undefined {
    const labelAts = this.#labelAts;
    let count = 0;
    let at = HEADER_OCTETS;
    for (let octets = query[at] as number; octets !== 0; octets = query[at] as number) {
      labelAts[count] = at;
      count += 1;
      at += octets + 1;
    }
    // RFC 2782 names are made of other names' records.
    if (count === 0 || query[HEADER_OCTETS + 1] === UNDERSCORE) return undefined;
    let known: KnownName | undefined = this.#known;
    const tree = this.#tree();
    let node: KeyNode | undefined = tree.root;
    let zone: ZoneDenial | undefined;
    for (let index = count - 1; index >= 0; index -= 1) {
      const labelAt = labelAts[index] as number;
      const label = labelText(query, labelAt);
      if (label === '*' || label === 'any') return undefined;
      known = known?.children.get(label);
      if (known?.isLeftToLookup) return undefined;
      if (known?.zone !== undefined) {
        zone = known.zone;
        this.#zoneAt = labelAt;
      }
      if (node !== undefined) {
        if (tree.hasFolded) {
          const nodes: readonly KeyNode[] = tree.childrenFor(node, label);
          // Keys that differ in case alone.
          if (nodes.length > 1) return undefined;
          node = nodes[0];
        } else {
          node = node.child(label);
        }
      }
      if (node === undefined && known === undefined) return zone;
    }
    return undefined;
  }

  #know(name: OwnerName): KnownName {
    let known = this.#known;
    for (const label of labelsOf(name).reverse()) {
      let child = known.children.get(label);
      if (child === undefined) {
        child = createKnownName();
        known.children.set(label, child);
      }
      known = child;
    }
    return known;
  }
}

function createKnownName(): KnownName {
  return { children: new Map(), zone: undefined, isLeftToLookup: false };
}

/** The name directly below `zone` that `name` is or is below. */
function belowZone(name: OwnerName, zone: OwnerName): OwnerName {
  const labels = labelsOf(name);
  return nameOf(labels.slice(labels.length - labelsOf(zone).length - 1));
}

function zoneDenial(zone: OwnerName, settings: Pick<LookupSettings, 'negativeTtlSeconds'>): ZoneDenial {
  const soa = soaOf(zone, settings, 0n, 'live');
  if (soa.type !== 'SOA') throw new Error(`${zone} has an SOA of type ${soa.type}`);
  const pointerAts: number[] = [];
  const octets: number[] = [];
  const uint16 = (value: number) => octets.push(value >>> 8, value & 0xff);
  const uint32 = (value: number) =>
    octets.push(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
  const name = (each: OwnerName) => {
    if (!isWithin(each, zone)) throw new Error(`${each} of the SOA is not in ${zone}`);
    for (const label of labelsOf(each).slice(0, -labelsOf(zone).length)) {
      octets.push(label.length, ...Buffer.from(label, 'latin1'));
    }
    pointerAts.push(octets.length);
    octets.push(0xc0, 0);
  };
  name(zone);
  uint16(RrType.SOA);
  uint16(RrClass.IN);
  uint32(soa.ttlSeconds);
  const lengthAt = octets.length;
  octets.push(0, 0);
  name(soa.mname);
  name(soa.rname);
  for (const each of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) uint32(each);
  octets[lengthAt + 1] = octets.length - lengthAt - 2;
  return { octets: Uint8Array.from(octets), ttlSeconds: soa.ttlSeconds, pointerAts };
}

function writeUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** The label whose length octet stands at `at`, folded to lower case. */
function labelText(query: Uint8Array, at: number): string {
  const end = at + 1 + (query[at] as number);
  let text = '';
  for (let octetAt = at + 1; octetAt < end; octetAt += 1) {
    const octet = query[octetAt] as number;
    text += String.fromCharCode((octet - 0x41) >>> 0 < 26 ? octet | 0x20 : octet);
  }
  return text;
}
