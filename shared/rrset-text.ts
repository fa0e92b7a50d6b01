import { canonicalAddress, familyOf } from './ip.ts';
import { NameError, type OwnerName, parseName } from './name.ts';
import type { Rdata, ResourceRecord } from './rrset.ts';

/** Resource records in presentation format (RFC 1035 §5.1), one a line: `web.example.org. 30 IN A 192.0.2.10`. */

export class RecordTextError extends Error {
  override readonly name = 'RecordTextError';
}

export function formatRecord(record: ResourceRecord): string {
  return `${record.owner} ${record.ttlSeconds} IN ${record.type} ${formatRdata(record)}`;
}

export function formatRdata(rdata: Rdata): string {
  switch (rdata.type) {
    case 'A':
    case 'AAAA':
      return rdata.address;
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return rdata.target;
    case 'MX':
      return `${rdata.preference} ${rdata.exchange}`;
    case 'SRV':
      return `${rdata.priority} ${rdata.weight} ${rdata.port} ${rdata.target}`;
    case 'TXT':
      return rdata.strings.map(quote).join(' ');
    case 'HINFO':
      return `${quote(rdata.cpu)} ${quote(rdata.os)}`;
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = rdata;
      return `${mname} ${rname} ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
    }
  }
}

function quote(text: string): string {
  const escaped = text.replace(/[^ !#-[\]-~]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\${String(char.charCodeAt(0)).padStart(3, '0')}`,
  );
  return `"${escaped}"`;
}

/**
 * Reads one record: owner, TTL, `IN`, type, rdata. What is behind a `;` is a comment.
 *
 * @throws {RecordTextError} naming the line and what is wrong with it
 */
export function parseRecord(line: string): ResourceRecord {
  const fields = new Fields(line);
  const owner = fields.name('owner');
  const ttlSeconds = fields.number('TTL', 0x7fffffff);
  const rrClass = fields.word('class');
  if (rrClass.toUpperCase() !== 'IN') throw fields.error(`class ${rrClass} is not IN`);
  const rdata = parseRdata(fields.word('type').toUpperCase(), fields);
  fields.end();
  return { owner, ttlSeconds, ...rdata };
}

/** Reads records, one a line; empty lines and comments are passed over. @throws {RecordTextError} */
export function parseRecords(text: string): ResourceRecord[] {
  return text
    .split('\n')
    .filter((line) => !/^\s*(;|$)/.test(line))
    .map(parseRecord);
}

function parseRdata(type: string, fields: Fields): Rdata {
  switch (type) {
    case 'A':
    case 'AAAA':
      return { type, address: fields.address(type) };
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return { type, target: fields.name('target') };
    case 'MX':
      return { type, preference: fields.number('preference', 65535), exchange: fields.name('exchange') };
    case 'SRV': {
      const [priority, weight, port] = ['priority', 'weight', 'port'].map((what) => fields.number(what, 65535));
      return {
        type,
        priority: priority as number,
        weight: weight as number,
        port: port as number,
        target: fields.name('target'),
      };
    }
    case 'TXT':
      return { type, strings: fields.strings() };
    case 'HINFO':
      return { type, cpu: fields.string('CPU'), os: fields.string('OS') };
    case 'SOA':
      return { type, mname: fields.name('mname'), rname: fields.name('rname'), ...soaNumbers(fields) };
    default:
      throw fields.error(`type ${type} is not one that can be written`);
  }
}

function soaNumbers(fields: Fields) {
  const next = (what: string) => fields.number(what, 0xffffffff);
  return {
    serial: next('serial'),
    refresh: next('refresh'),
    retry: next('retry'),
    expire: next('expire'),
    minimum: next('minimum'),
  };
}

/** The fields of a line, taken from the left. */
class Fields {
  private readonly line: string;
  private readonly items: { text: string; quoted: boolean }[];

  constructor(line: string) {
    this.line = line;
    this.items = [];
    const field = /\s*(?:;.*|"((?:[^"\\]|\\.)*)"|((?:[^\s";\\]|\\.)+))/gsy;
    const text = line.trimEnd();
    while (field.lastIndex < text.length) {
      const at = field.lastIndex;
      const match = field.exec(text);
      if (match === null) throw this.error(`cannot read ${JSON.stringify(text.slice(at).trim())}`);
      if (match[1] !== undefined) this.items.push({ text: match[1], quoted: true });
      if (match[2] !== undefined) this.items.push({ text: match[2], quoted: false });
    }
  }

  error(reason: string): RecordTextError {
    return new RecordTextError(`record ${JSON.stringify(this.line)}: ${reason}`);
  }

  end(): void {
    if (this.items.length > 0) throw this.error(`${JSON.stringify(this.items[0]?.text)} is left over`);
  }

  word(what: string): string {
    const item = this.items.shift();
    if (item === undefined) throw this.error(`${what} is missing`);
    if (item.quoted) throw this.error(`${what} must not be quoted`);
    return item.text;
  }

  number(what: string, max: number): number {
    const word = this.word(what);
    const value = /^\d+$/.test(word) ? Number(word) : Number.NaN;
    if (!(value <= max)) throw this.error(`${what} is ${word}; it must be a whole number from 0 to ${max}`);
    return value;
  }

  name(what: string): OwnerName {
    const word = this.word(what);
    try {
      return parseName(word);
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      throw this.error(`${what}: ${error.message}`);
    }
  }

  address(type: 'A' | 'AAAA'): string {
    const word = this.word('address');
    const address = canonicalAddress(word);
    if (address === undefined || familyOf(address) !== type) throw this.error(`${word} is no address of type ${type}`);
    return address;
  }

  strings(): string[] {
    const strings = [this.string('text')];
    while (this.items.length > 0) strings.push(this.string('text'));
    return strings;
  }

  /** A character-string as a binary string (RFC 1035 §3.3): at most 255 octets. */
  string(what: string): string {
    const item = this.items.shift();
    if (item === undefined) throw this.error(`${what} is missing`);
    const octets = Buffer.from(item.text, 'utf8')
      .toString('latin1')
      .replace(/\\(\d{3}|.)/gs, (_, escaped: string) => (escaped.length === 3 ? this.octet(escaped) : escaped));
    if (octets.length > 255) throw this.error(`${what} has ${octets.length} octets; at most 255 (RFC 1035 §3.3)`);
    return octets;
  }

  private octet(digits: string): string {
    if (Number(digits) > 255) throw this.error(`escape \\${digits} is over 255`);
    return String.fromCharCode(Number(digits));
  }
}
