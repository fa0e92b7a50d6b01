import { isUnspecified } from '../../shared/address.ts';
import { canonicalAddress } from '../../shared/ip.ts';
import { foldCase, isHostName, isLdhLabel, NameError, type OwnerName, parseName } from '../../shared/name.ts';
import { withoutSecrets } from '../../shared/redaction.ts';
import { isHttpPath } from '../checks/check-setting.ts';
import { RECORD_FIELDS } from '../naming/labels.ts';
import type { StaticService } from './static-services.ts';

export type ServicesRead =
  | {
      readonly ok: true;
      readonly services: readonly StaticService[];
      /** One a bad entry, each a sentence; the entry is left out, the others stand. */
      readonly problems: readonly string[];
      /** One a bad value of a record's field, each a sentence; the value is left out, the entry stands. */
      readonly leftOut: readonly string[];
    }
  /** Nothing of it can be used. */
  | { readonly ok: false; readonly reason: string };

/** Reads the text of a services file: `{ "services": [ { "name": …, "host": … }, … ] }`. */
export function readServices(text: string): ServicesRead {
  let json: unknown;
  try {
    // Some editors begin a file with a byte order mark, which parsers may ignore (RFC 8259 §8.1).
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    return { ok: false, reason: `it is not JSON: ${(error as Error).message}` };
  }
  const list = isObject(json) ? json.services : undefined;
  if (!Array.isArray(list)) return { ok: false, reason: 'it has no list "services"; see examples/services.json' };
  const services: StaticService[] = [];
  const problems: string[] = [];
  const leftOut: string[] = [];
  const taken = new Map<string, number>();
  for (const [at, entry] of list.entries()) {
    const read = readEntry(entry);
    const place = read.ok ? placeOf(read.service) : '';
    const twin = taken.get(place);
    if (!read.ok) problems.push(`services[${at}]${read.reason}`);
    else if (twin !== undefined) {
      problems.push(
        `services[${at}] is the same instance of ${read.service.name} as services[${twin}]; give it an "instance" of its own`,
      );
    } else {
      taken.set(place, at);
      services.push(read.service);
      leftOut.push(...read.leftOut.map((reason) => `services[${at}]${reason}`));
    }
  }
  return { ok: true, services, problems, leftOut };
}

/** What becomes the key: two entries with the same would overwrite each other. */
function placeOf({ name, host, port, instance }: StaticService): string {
  return JSON.stringify([name, instance ?? [foldCase(host), port ?? 0]]);
}

/** What is wrong completes `services[3]`. */
type EntryRead =
  | { readonly ok: true; readonly service: StaticService; readonly leftOut: readonly string[] }
  | { readonly ok: false; readonly reason: string };

/** Gives the value in the form it is used in, or throws a {@link FieldError} that completes `must be …`. */
type FieldReader = (value: unknown) => string | number | boolean;

class FieldError extends Error {}

/** Those that an announcement without them would not be wrong for. */
const SPARED: ReadonlySet<string> = new Set(RECORD_FIELDS);

const FIELDS: Readonly<Record<keyof StaticService, FieldReader>> = {
  name: label,
  host,
  port: integer(1, 65_535),
  portName: label,
  protocol: (value) => {
    if (value === 'tcp' || value === 'udp') return value;
    throw new FieldError('"tcp" or "udp"');
  },
  instance: label,
  check: (value) => {
    if (typeof value === 'string' && (value === 'tcp' || isHttpPath(/^http:(.*)$/.exec(value)?.[1] ?? '')))
      return value;
    throw new FieldError('"tcp" or "http:/path"');
  },
  // Of the record: how large they may be, the decider says, by the bounds of their labels.
  priority: number,
  weight: number,
  ttl: number,
  text: string,
  group: string,
  mail: (value) => {
    if (typeof value === 'boolean') return value;
    throw new FieldError('true or false');
  },
  targetstrip: number,
};

function readEntry(entry: unknown): EntryRead {
  if (!isObject(entry)) return { ok: false, reason: ` is ${show(entry)}; it must be an object` };
  for (const field of ['name', 'host']) {
    if (entry[field] === undefined) return { ok: false, reason: ` has no "${field}"` };
  }
  const service: Record<string, string | number | boolean> = {};
  const leftOut: string[] = [];
  for (const [field, value] of Object.entries(entry)) {
    const read = Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof StaticService] : undefined;
    if (read === undefined) {
      return {
        ok: false,
        reason: ` has the field "${field}", which is not known; there are ${Object.keys(FIELDS).join(', ')}`,
      };
    }
    try {
      service[field] = read(value);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      const reason = `.${field} is ${show(value)}; it must be ${error.message}`;
      if (!SPARED.has(field)) return { ok: false, reason };
      leftOut.push(reason);
    }
  }
  if (service.check !== undefined && (service.port === undefined || service.protocol === 'udp')) {
    return { ok: false, reason: `.check is ${show(service.check)}; it needs a TCP port to ask` };
  }
  return { ok: true, service: service as unknown as StaticService, leftOut };
}

function label(value: unknown): string {
  if (typeof value === 'string' && isLdhLabel(value)) return foldCase(value);
  throw new FieldError('a label: letters, digits and hyphens, 1 to 63');
}

function host(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new FieldError('an IPv4 or IPv6 address or a domain name');
  const address = canonicalAddress(value);
  if (address !== undefined) {
    if (isUnspecified(address)) throw new FieldError('the address of a host; this one names none');
    return address;
  }
  if (/[\s:/@]/.test(value)) throw new FieldError('an address or a domain name alone, and a port in "port"');
  const name = nameIn(value);
  if (isHostName(name)) return name.slice(0, -1);
  throw new FieldError(
    'an IPv4 or IPv6 address, without a zone, or a domain name of letters, digits, hyphens and underscores, whose last label is no number',
  );
}

function nameIn(text: string): OwnerName {
  try {
    return parseName(text);
  } catch (error) {
    if (error instanceof NameError)
      throw new FieldError(`an address or a domain name (${withoutSecrets(error.message)})`);
    throw error;
  }
}

function integer(min: number, max: number): FieldReader {
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new FieldError(`a whole number from ${min} to ${max}`);
  };
}

function number(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new FieldError('a number');
}

function string(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new FieldError('a string');
}

function show(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? withoutSecrets(value) : value).slice(0, 80);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
