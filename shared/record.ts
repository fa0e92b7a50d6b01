import stringify from 'fast-json-stable-stringify';

/**
 * The value of a key: the record as SkyDNS defines it, with the fields rollcall adds, which other readers ignore.
 * An absent field has the meaning that `docs/records.md` gives it; the number 0 and the empty string mean absent.
 */
export interface ServiceRecord {
  /** IPv4 or IPv6 address, or a domain name. */
  readonly host?: string;
  readonly port?: number;
  /** SRV priority and MX preference. */
  readonly priority?: number;
  /** SRV weight before scaling. */
  readonly weight?: number;
  readonly text?: string;
  /** Also answers MX. */
  readonly mail?: boolean;
  /** Seconds. */
  readonly ttl?: number;
  /** Labels taken off the left of an SRV, MX or NS target that is derived from the key. */
  readonly targetstrip?: number;
  readonly group?: string;
  /** Ours: the name of the port, as in `_http._tcp` (RFC 2782). */
  readonly portName?: string;
  /** Ours: `tcp` or `udp`, of the port. Others may write another one. */
  readonly protocol?: string;
  /** Ours: `<host>/<announcer id>`, who wrote the key and alone may change it. */
  readonly owner?: string;
  /** Ours: the full container id. */
  readonly container?: string;
  /** Ours: the image as the container names it. */
  readonly image?: string;
  /** Ours: RFC 3339. */
  readonly announcedAt?: string;
}

export type Decoded =
  | { readonly ok: true; readonly record: ServiceRecord }
  | { readonly ok: false; readonly reason: string };

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isInteger: Check = (value) => Number.isSafeInteger(value);
const isUint32: Check = (value) => isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;

/** What the peers' readers demand of a field; a field of another type costs the key. */
const REQUIRED: ReadonlyMap<string, readonly [check: Check, expected: string]> = new Map([
  ['host', [isString, 'a string']],
  ['port', [isInteger, 'an integer']],
  ['priority', [isInteger, 'an integer']],
  ['weight', [isInteger, 'an integer']],
  ['text', [isString, 'a string']],
  ['mail', [(value) => typeof value === 'boolean', 'true or false']],
  ['ttl', [isUint32, 'an integer from 0 to 4294967295 (seconds)']],
  ['targetstrip', [isInteger, 'an integer']],
  ['group', [isString, 'a string']],
]);

/** Fields of ours; one of the wrong type is another writer's field of the same name, and is left out. */
const OPTIONAL: ReadonlyMap<string, Check> = new Map([
  ['portName', isString],
  ['protocol', isString],
  ['owner', isString],
  ['container', isString],
  ['image', isString],
  ['announcedAt', isString],
]);

/** How much of a value a reason repeats. */
const QUOTED_CHARS_MAX = 80;

/** Reads a key's value. A value that is no record is an outcome, never an exception: it costs that key alone. */
export function decodeRecord(value: string): Decoded {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    return { ok: false, reason: `value is not JSON: ${(error as Error).message}` };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return { ok: false, reason: `value is ${Array.isArray(json) ? 'an array' : quote(json)}, not a JSON object` };
  }
  const record: Record<string, unknown> = {};
  for (const [field, content] of Object.entries(json)) {
    // encoding/json, which both peers read with, takes null as absent.
    if (content === null) continue;
    // It takes `Host` for `host`, too.
    const folded = field.toLowerCase();
    const required = REQUIRED.get(folded);
    if (required !== undefined) {
      const [check, expected] = required;
      if (!check(content)) {
        return { ok: false, reason: `field ${folded} is ${quote(content)}; it must be ${expected}` };
      }
      record[folded] = content;
    } else if (OPTIONAL.get(field)?.(content)) {
      record[field] = content;
    }
  }
  return { ok: true, record };
}

function quote(content: unknown): string {
  const text = JSON.stringify(content);
  return text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
}

/** Canonical JSON: the same content gives the same bytes. Absent fields are left out. */
export function encodeRecord(record: ServiceRecord): string {
  return stringify(record);
}
