import type { LookupContext, LookupSettings } from '../../resolver/lookup/settings.ts';
import { familyOf } from '../../shared/ip.ts';
import { parseName } from '../../shared/name.ts';
import type { ServiceRecord } from '../../shared/record.ts';
import { RrType } from '../../shared/rrset.ts';
import type { LeaseId } from '../../shared/store.ts';
import { NOW_MS } from './lookup-table.ts';

/** Keys below `/skydns`, and what is there. */
export type ModelStore = ReadonlyMap<string, { readonly value: string; readonly lease: string | undefined }>;

/** Labels, leftmost first. */
type Name = readonly string[];
type Entry = { readonly name: Name; readonly fields: ServiceRecord | undefined; readonly ttl: number };
type Used = Entry & { readonly fields: ServiceRecord };
type Rr = { readonly owner: Name; readonly type: string; readonly data: string; readonly ttl: number };
type Alias = { readonly to: Name; readonly ttl: number };
type Link = { readonly ends: readonly Rr[]; readonly aliases: readonly Alias[] };
type Sections = { readonly answers: readonly Rr[]; readonly additional?: readonly Rr[] };
type Service = { readonly portName: string | undefined; readonly protocol: string; readonly base: Name };

/**
 * The rules of `docs/records.md` a second time: written from the manual, plain, without an index, over all keys for each
 * question, so that what answers can be compared with it. It knows worlds as of lookup-arbitraries.ts: labels of letters,
 * values in canonical spelling, IPv4 in reverse names, no upstream that failed.
 */
export class RecordsModel {
  readonly #settings: LookupSettings;
  readonly #context: LookupContext;
  readonly #zones: readonly Name[];
  /** In key order. */
  readonly #entries: readonly Entry[];

  constructor(store: ModelStore, settings: LookupSettings, context: LookupContext) {
    this.#settings = settings;
    this.#context = context;
    this.#zones = settings.zones.map(nameFrom);
    this.#entries = [...store]
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([key, { value, lease }]) => {
        const fields = value.startsWith('{') ? (JSON.parse(value) as ServiceRecord) : undefined;
        return { name: key.split('/').slice(2).reverse(), fields, ttl: this.#ttlOf(fields, lease) };
      });
  }

  /** The lines of an answer as `describe` of lookup-table.ts has them, in any order. */
  answer(asked: string, type: number): string[] {
    const name = nameFrom(asked);
    const zone = this.#zoneOf(name);
    if (zone === undefined) {
      const pointers = type === RrType.PTR && isReverse(name) ? this.#pointers(name) : [];
      return pointers.length > 0 ? linesWithOneTtl(pointers) : ['OUTSIDE'];
    }
    const { answers, additional = [] } = this.#found(name, type, same(name, zone));
    if (answers.length === 0) return [`${this.#exists(name) ? 'NODATA' : 'NXDOMAIN'} ${textOf(zone)}`];
    return [...linesWithOneTtl(answers), ...linesBySet(additional).map((line) => `+ ${line}`)];
  }

  #found(name: Name, type: number, isApex: boolean): Sections {
    switch (type) {
      case RrType.A:
        return { answers: this.#chase(name, ['A']) };
      case RrType.AAAA:
        return { answers: this.#chase(name, ['AAAA']) };
      case RrType.TXT:
        return { answers: this.#chase(name, ['TXT']) };
      case RrType.SRV:
        return this.#services(name);
      case RrType.MX: {
        const records = this.#select(name).filter(({ fields }) => fields.mail && fields.host);
        const data = (record: Used) => `${record.fields.priority ?? 10} ${textOf(targetOf(record))}`;
        return { answers: rrs(name, 'MX', records, data), additional: this.#additional(records) };
      }
      case RrType.CNAME: {
        const aliases = isApex ? [] : this.#exact(name).flatMap(aliasOf);
        return { answers: aliases.map(({ to, ttl }) => ({ owner: name, type: 'CNAME', data: textOf(to), ttl })) };
      }
      case RrType.NS:
        return isApex ? this.#nameServers(name) : { answers: [] };
      case RrType.PTR:
        return { answers: isReverse(name) ? this.#pointers(name) : [] };
      case RrType.ANY:
        return { answers: this.#exists(name) ? [this.#ours(name, 'HINFO', '"RFC8482" ""')] : [] };
      default:
        return { answers: [] };
    }
  }

  #services(name: Name): Sections {
    const own = this.#select(name);
    const service = serviceOf(name);
    const all = own.length > 0 || service?.portName === undefined ? own : this.#offering(service);
    const records = all.filter(({ fields }) => fields.host !== undefined && fields.port !== -1);
    const said = (record: Used): string => {
      const { port = 0, priority = 10, weight = 100, mail = false, host } = record.fields;
      return [textOf(targetOf(record)), port, priority, weight, mail, host].join();
    };
    const different = [...new Map(records.map((record) => [said(record), record.fields])).values()];
    const data = (record: Used): string => {
      const { port = 0, priority = 10, weight = 100 } = record.fields;
      const rivals = different.filter((each) => (each.priority ?? 10) === priority);
      const sum = rivals.reduce((total, each) => total + (each.weight ?? 100), 0);
      const share = Math.max(1, Math.floor((100 / sum) * weight));
      const sent = this.#settings.srvWeights === 'raw' ? weight : share;
      return `${priority} ${sent} ${port} ${textOf(targetOf(record))}`;
    };
    return { answers: rrs(name, 'SRV', records, data), additional: this.#additional(records) };
  }

  #offering(service: Service): readonly Used[] {
    return this.#select(service.base).filter(({ fields }) => offers(fields, service));
  }

  #nameServers(zone: Name): Sections {
    const home = ['ns', 'dns', ...zone];
    const records = this.#select(home).filter((record) => addressOf(record) !== undefined);
    const answers = rrs(zone, 'NS', records, (record) => textOf(targetOf(record)));
    if (answers.length > 0) return { answers, additional: this.#additional(records) };
    const { nsName } = this.#settings;
    const server = nsName === undefined ? home : nameFrom(nsName);
    const additional = this.#zoneOf(server) === undefined ? [] : this.#chase(server, ['A', 'AAAA']);
    return { answers: [this.#ours(zone, 'NS', textOf(server))], additional };
  }

  #pointers(name: Name): readonly Rr[] {
    const stored = this.#exact(name).flatMap(aliasOf);
    if (stored.length > 0) return stored.map(({ to, ttl }) => ({ owner: name, type: 'PTR', data: textOf(to), ttl }));
    const address = name.slice(0, -2).reverse().join('.');
    const announced = this.#entries
      .filter(isUsed)
      .filter((record) => addressOf(record) === address && this.#zoneOf(targetOf(record)) !== undefined);
    return rrs(name, 'PTR', announced, (record) => textOf(targetOf(record)));
  }

  /** Each record's address, and what each name leads to. */
  #additional(records: readonly Used[]): readonly Rr[] {
    return records.flatMap((record) => {
      const [owner, data] = [targetOf(record), addressOf(record)];
      if (data === undefined) return this.#chase(owner, ['A', 'AAAA']);
      return { owner, type: familyOf(data), data, ttl: record.ttl };
    });
  }

  /** What a name has of these types and what its aliases lead to, each name once and the nearest first. */
  #chase(start: Name, types: readonly string[]): readonly Rr[] {
    const links = new Map<string, Link>();
    const seen = new Set([textOf(start)]);
    let level: Name[] = [start];
    for (let depth = 0; level.length > 0; depth += 1) {
      const next = new Map<string, Name>();
      for (const name of level) {
        const { ends, aliases } = this.#linkOf(name, types);
        const led = aliases.filter(({ to }) => depth < 8 && !seen.has(textOf(to)));
        for (const { to } of led) next.set(textOf(to), to);
        for (const { to } of led) seen.add(textOf(to));
        links.set(textOf(name), { ends, aliases: led });
      }
      level = [...next.values()];
    }
    return this.#along(start, links);
  }

  #linkOf(name: Name, types: readonly string[]): Link {
    if (this.#zoneOf(name) === undefined) return { ends: this.#outside(name, types), aliases: [] };
    const isText = types.includes('TXT');
    const { records, at } = isText ? this.#selectionAt(this.#standIn(name)) : this.#selectAddresses(name);
    const ends = types.flatMap((type) => rrs(name, type, records, (record) => dataOf(record, type)));
    const aliases = records.flatMap(aliasOf).filter(({ to }) => !isAtOrBelow(to, at));
    return { ends, aliases: isText && (ends.length > 0 || this.#isApex(name)) ? [] : aliases };
  }

  #outside(name: Name, types: readonly string[]): Rr[] {
    return types.flatMap((type) => {
      if (type !== 'A' && type !== 'AAAA') return [];
      const answer = this.#context.outside({ name: parseName(textOf(name)), type: RrType[type] });
      if (answer === undefined) return [];
      const ttl = (answer.validUntilMs - NOW_MS) / 1000;
      return answer.addresses.map((data) => ({ owner: name, type, data, ttl }));
    });
  }

  /** The ends from `name` on and the CNAMEs that lead there; those from an apex on are its own. */
  #along(name: Name, links: ReadonlyMap<string, Link>): Rr[] {
    if (this.#isApex(name)) return endsFrom(name, links).map((end) => ({ ...end, owner: name }));
    const { ends, aliases } = linkAt(name, links);
    const behind = aliases.map((alias) => ({ ...alias, rest: this.#along(alias.to, links) }));
    const led = behind.filter(({ rest }) => rest.length > 0);
    const cnames = led.map(({ to, ttl }) => ({ owner: name, type: 'CNAME', data: textOf(to), ttl }));
    return [...ends, ...cnames, ...led.flatMap(({ rest }) => rest)];
  }

  #select(name: Name): readonly Used[] {
    const records = this.#standingFor(this.#standIn(name)).filter(isUsed);
    let chosen = records[0];
    for (const record of records) {
      if (chosen === undefined || record.name.length >= chosen.name.length) continue;
      if (!record.fields.group) break;
      chosen = record;
    }
    if (!chosen?.fields.group) return records;
    const { name: at, fields } = chosen;
    const isOther = (record: Used): boolean => Boolean(record.fields.group) && record.fields.group !== fields.group;
    const disagrees = records.some((record) => record.name.length === at.length && isOther(record));
    return disagrees ? records : records.filter((record) => !isOther(record));
  }

  #selectionAt(at: Name): { readonly records: readonly Used[]; readonly at: Name } {
    return { records: this.#select(at), at };
  }

  #selectAddresses(name: Name): { readonly records: readonly Used[]; readonly at: Name } {
    const own = this.#selectionAt(this.#standIn(name));
    if (!this.#isApex(name)) return own;
    const registered = this.#selectionAt(['apex', 'dns', ...name]);
    return registered.records.length > 0 || !this.#settings.legacyApex ? registered : own;
  }

  #exact(name: Name): readonly Used[] {
    const at = this.#standIn(name);
    return this.#standingFor(at).filter((entry): entry is Used => entry.name.length === at.length && isUsed(entry));
  }

  /** The keys at and below a name; `any` is a name's label first, and a star where that is not there. */
  #standingFor(name: Name): readonly Entry[] {
    const literal = this.#entries.filter((entry) => isAtOrBelow(entry.name, name, ['*']));
    return literal.length > 0 ? literal : this.#entries.filter((entry) => isAtOrBelow(entry.name, name, ['*', 'any']));
  }

  #exists(name: Name): boolean {
    const { local, nsName } = this.#settings;
    const configured = [
      ...this.#zones.flatMap((zone) => [zone, ['ns', 'dns', ...zone]]),
      ...(local === undefined ? [] : this.#zones.map((zone) => ['local', 'dns', ...zone])),
      ...(nsName === undefined ? [] : [nameFrom(nsName)]),
    ];
    if (configured.some((each) => isAtOrBelow(each, name))) return true;
    if (this.#standingFor(this.#standIn(name)).length > 0) return true;
    if (isReverse(name)) return name.length < 6 || this.#pointers(name).length > 0;
    const service = serviceOf(name);
    return service !== undefined && this.#offering(service).length > 0;
  }

  #zoneOf(name: Name): Name | undefined {
    return this.#zones.filter((zone) => isAtOrBelow(name, zone)).sort((a, b) => b.length - a.length)[0];
  }

  #isApex(name: Name): boolean {
    return this.#zones.some((zone) => same(zone, name));
  }

  #standIn(name: Name): Name {
    const { local } = this.#settings;
    const isLocal = local !== undefined && this.#zones.some((zone) => same(name, ['local', 'dns', ...zone]));
    return isLocal ? nameFrom(local) : name;
  }

  #ttlOf(fields: ServiceRecord | undefined, lease: string | undefined): number {
    const endsMs = lease === undefined ? undefined : this.#context.leaseDeadlineMs(lease as LeaseId);
    const left = endsMs === undefined ? [] : [(endsMs - NOW_MS) / 1000];
    const own = fields?.ttl === undefined ? [] : [fields.ttl];
    return left.length + own.length === 0 ? this.#settings.defaultTtlSeconds : Math.min(...left, ...own);
  }

  #ours(owner: Name, type: string, data: string): Rr {
    return { owner, type, data, ttl: this.#settings.defaultTtlSeconds };
  }
}

function nameFrom(text: string): Name {
  return text.split('.').slice(0, -1);
}

function textOf(name: Name): string {
  return `${name.join('.')}.`;
}

function same(a: Name, b: Name): boolean {
  return textOf(a) === textOf(b);
}

/** Whether `name` is `top` or below it; a label of `wild` in `top` is any label. */
function isAtOrBelow(name: Name, top: Name, wild: readonly string[] = []): boolean {
  const cut = name.length - top.length;
  return cut >= 0 && top.every((label, at) => wild.includes(label) || label === name[cut + at]);
}

function isReverse(name: Name): boolean {
  return isAtOrBelow(name, ['in-addr', 'arpa']);
}

function isUsed(entry: Entry): entry is Used {
  return Boolean(entry.fields?.host || entry.fields?.text);
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}

function addressOf({ fields: { host } }: Used): string | undefined {
  return host !== undefined && isAddress(host) ? host : undefined;
}

function aliasOf({ fields: { host }, ttl }: Used): Alias[] {
  return host === undefined || isAddress(host) ? [] : [{ to: host.split('.'), ttl }];
}

function dataOf(record: Used, type: string): string | undefined {
  if (type === 'TXT') return record.fields.text && `"${record.fields.text}"`;
  const address = addressOf(record);
  return address !== undefined && familyOf(address) === type ? address : undefined;
}

function targetOf(record: Used): Name {
  const name = aliasOf(record)[0]?.to ?? record.name;
  const { targetstrip = 0 } = record.fields;
  return targetstrip < name.length ? name.slice(targetstrip) : name;
}

/** `_http._tcp.web.org`, or `_tcp.web.org` for every port name. */
function serviceOf(name: Name): Service | undefined {
  const [first = '', second = ''] = name;
  if (!first.startsWith('_')) return undefined;
  if (!second.startsWith('_')) return { portName: undefined, protocol: first.slice(1), base: name.slice(1) };
  return { portName: first.slice(1), protocol: second.slice(1), base: name.slice(2) };
}

function offers({ host, portName, protocol = 'tcp' }: ServiceRecord, service: Service): boolean {
  if (host === undefined || portName === undefined || protocol !== service.protocol) return false;
  return service.portName === undefined || service.portName === portName;
}

function rrs(owner: Name, type: string, records: readonly Used[], data: (record: Used) => string | undefined): Rr[] {
  return records.flatMap((record) => {
    const text = data(record);
    return text === undefined ? [] : [{ owner, type, data: text, ttl: record.ttl }];
  });
}

function linkAt(name: Name, links: ReadonlyMap<string, Link>): Link {
  return links.get(textOf(name)) ?? { ends: [], aliases: [] };
}

/** None lives longer than the aliases on the way to it. */
function endsFrom(name: Name, links: ReadonlyMap<string, Link>): Rr[] {
  const { ends, aliases } = linkAt(name, links);
  const led = aliases.flatMap(({ to, ttl }) =>
    endsFrom(to, links).map((end) => ({ ...end, ttl: Math.min(end.ttl, ttl) })),
  );
  return [...ends, ...led];
}

/** No RR twice, one CNAME an owner; of the same the least TTL. */
function different(all: readonly Rr[]): Rr[] {
  const kept = new Map<string, Rr>();
  for (const rr of all) {
    const key = `${textOf(rr.owner)} ${rr.type} ${rr.type === 'CNAME' ? '' : rr.data}`;
    const first = kept.get(key);
    kept.set(key, first === undefined ? rr : { ...first, ttl: Math.min(first.ttl, rr.ttl) });
  }
  return [...kept.values()];
}

function linesWithOneTtl(all: readonly Rr[]): string[] {
  const ttl = Math.min(...all.map((rr) => rr.ttl));
  return different(all).map((rr) => lineOf({ ...rr, ttl }));
}

function linesBySet(all: readonly Rr[]): string[] {
  const kept = different(all);
  const setOf = (rr: Rr) => `${textOf(rr.owner)} ${rr.type}`;
  return kept.map((rr) => {
    const set = kept.filter((each) => setOf(each) === setOf(rr));
    return lineOf({ ...rr, ttl: Math.min(...set.map((each) => each.ttl)) });
  });
}

function lineOf({ owner, type, data, ttl }: Rr): string {
  return `${textOf(owner)} ${ttl} IN ${type} ${data}`;
}
