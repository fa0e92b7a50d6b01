/**
 * Domain names as rollcall holds them, and the etcd keys that stand for them.
 *
 * A label is kept as a "binary string": one character an octet, ASCII letters in lower case. That makes a label from
 * the wire, from a key and from a person's hand comparable by `===`, whatever octets it holds (RFC 2181 §11).
 */

/** A whole domain name in presentation format (RFC 1035 §5.1): lower case, escaped, with its trailing dot. The root is `.`. */
export type OwnerName = string & { readonly __brand: 'OwnerName' };

/**
 * A key in etcd: the configured prefix, then the name's labels from the root down, each behind a `/`. One whose octets are not
 * UTF-8 is no name; see {@link keyOfOctets}.
 */
export type EtcdKey = string & { readonly __brand: 'EtcdKey' };

/** The labels of a name, leftmost first, without the root. */
export type Labels = readonly string[];

/** RFC 1035 §2.3.4. */
export const LABEL_OCTETS_MAX = 63;
/** RFC 1035 §2.3.4: with length octets and the root. */
export const NAME_OCTETS_MAX = 255;

export class NameError extends Error {
  override readonly name = 'NameError';
}

export const ROOT = '.' as OwnerName;

/**
 * Reads a name in presentation format; the trailing dot may be left out. `\.` and `\DDD` escape (RFC 1035 §5.1).
 *
 * @throws {NameError} on an empty label, one over 63 octets, a name over 255 octets, or a bad escape
 */
export function parseName(text: string): OwnerName {
  return nameOf(parseLabels(text));
}

/** As {@link parseName}, as labels. */
export function parseLabels(text: string): string[] {
  if (text === '.' || text === '') return [];
  const octets = isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
  const labels: string[] = [];
  let label = '';
  let isOpen = false;
  let at = 0;
  while (at < octets.length) {
    const char = octets[at] as string;
    if (char === '.') {
      labels.push(label);
      label = '';
      isOpen = false;
      at += 1;
      continue;
    }
    isOpen = true;
    if (char === '\\') {
      const [octet, length] = readEscape(octets, at, text);
      label += octet;
      at += length;
    } else {
      label += char;
      at += 1;
    }
  }
  if (isOpen) labels.push(label);
  return labels.map(foldCase);
}

function readEscape(octets: string, at: number, whole: string): [octet: string, length: number] {
  const digits = /^\d{3}/.exec(octets.slice(at + 1, at + 4))?.[0];
  if (digits !== undefined) {
    const code = Number(digits);
    if (code > 255) throw new NameError(`name ${JSON.stringify(whole)}: escape \\${digits} is over 255`);
    return [String.fromCharCode(code), 4];
  }
  const next = octets[at + 1];
  if (next !== undefined && next >= '0' && next <= '9') {
    throw new NameError(`name ${JSON.stringify(whole)}: a backslash and a digit need two digits more, as \\046`);
  }
  if (next === undefined) throw new NameError(`name ${JSON.stringify(whole)} ends in a backslash; write \\\\ for one`);
  return [next, 2];
}

/**
 * Builds the presentation form of `labels`, folded to lower case.
 *
 * @throws {NameError} as {@link parseName}
 */
export function nameOf(labels: Labels): OwnerName {
  if (labels.length === 0) return ROOT;
  let octets = 1;
  let text = '';
  for (const label of labels) {
    if (label.length === 0) throw new NameError(`name ${JSON.stringify(labels.join('.'))} has an empty label`);
    if (label.length > LABEL_OCTETS_MAX) {
      throw new NameError(
        `label ${JSON.stringify(label)} has ${label.length} octets; at most ${LABEL_OCTETS_MAX} (RFC 1035 §2.3.4)`,
      );
    }
    octets += label.length + 1;
    text += `${escapeLabel(foldCase(label))}.`;
  }
  if (octets > NAME_OCTETS_MAX) {
    throw new NameError(
      `name ${JSON.stringify(text)} has ${octets} octets; at most ${NAME_OCTETS_MAX} (RFC 1035 §2.3.4)`,
    );
  }
  return text as OwnerName;
}

/** The labels of `name`, unescaped. Never throws: an OwnerName has been checked. */
export function labelsOf(name: OwnerName): string[] {
  if (name.includes('\\')) return parseLabels(name);
  return name === ROOT ? [] : name.slice(0, -1).split('.');
}

/** Lower case for ASCII letters only: names compare so (RFC 4343 §3). */
export function foldCase(label: string): string {
  return /[A-Z]/.test(label) ? label.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()) : label;
}

/** Octets that would be read as syntax are escaped; what does not print is written `\DDD`. */
function escapeLabel(label: string): string {
  if (/^[a-z0-9_*-]+$/.test(label)) return label;
  return label.replace(/[^a-zA-Z0-9_*-]/g, (char) => {
    const code = char.charCodeAt(0);
    if (code <= 32 || code >= 127) return `\\${String(code).padStart(3, '0')}`;
    return '.\\";()@$'.includes(char) ? `\\${char}` : char;
  });
}

/** Whether `name` is `zone` or below it. */
export function isWithin(name: OwnerName, zone: OwnerName): boolean {
  if (zone === ROOT || name === zone) return true;
  if (!name.endsWith(`.${zone}`)) return false;
  // A dot that ends an escape (`\.`) belongs to the label; an even run of backslashes escapes only itself.
  let slashes = 0;
  for (let at = name.length - zone.length - 2; at >= 0 && name[at] === '\\'; at -= 1) slashes += 1;
  return slashes % 2 === 0;
}

/**
 * Returns the etcd key under which SkyDNS keeps `name`.
 *
 * Labels are reversed so that one prefix range reads a whole subtree: `web.prod.example.org.` under `/skydns` is
 * `/skydns/org/example/prod/web`.
 *
 * @param prefix begins with `/`, does not end with it; may be empty
 * @returns undefined when a label cannot be one key segment: it holds a `/`, or its octets are not UTF-8
 */
export function keyOf(name: OwnerName, prefix: string): EtcdKey | undefined {
  let key = prefix;
  for (const label of labelsOf(name).reverse()) {
    const segment = segmentOf(label);
    if (segment === undefined) return undefined;
    key += `/${segment}`;
  }
  return key as EtcdKey;
}

function segmentOf(label: string): string | undefined {
  if (label.includes('/')) return undefined;
  if (isAscii(label)) return label;
  const text = Buffer.from(label, 'latin1').toString('utf8');
  return text.includes('\uFFFD') ? undefined : text;
}

/**
 * The labels that `key` stands for, leftmost first; undefined when the key is not below `prefix`, is not UTF-8, or has an
 * empty segment or one over 63 octets (it can then be no name).
 */
export function labelsOfKey(key: string, prefix: string): string[] | undefined {
  if (!key.startsWith(`${prefix}/`) || !isUtf8Key(key)) return undefined;
  const labels = key
    .slice(prefix.length + 1)
    .split('/')
    .reverse()
    .map((segment) => foldCase(isAscii(segment) ? segment : Buffer.from(segment, 'utf8').toString('latin1')));
  return labels.some((label) => label.length === 0 || label.length > LABEL_OCTETS_MAX) ? undefined : labels;
}

/** The name that `key` stands for; undefined as for {@link labelsOfKey}, and when it is over 255 octets. */
export function ownerOf(key: string, prefix: string): OwnerName | undefined {
  const labels = labelsOfKey(key, prefix);
  if (labels === undefined) return undefined;
  const octets = labels.reduce((sum, label) => sum + label.length + 1, 1);
  return octets > NAME_OCTETS_MAX ? undefined : nameOf(labels);
}

/** What is added to an octet to make it a lone surrogate, which no text of UTF-8 has. */
const LONE_SURROGATE = 0xdc00;

/**
 * A key as etcd has it, as text: UTF-8, or, where its octets are none, with each octet over 127 as a lone surrogate, `\udc80`
 * to `\udcff`. So no two keys become one.
 */
export function keyOfOctets(octets: Buffer): EtcdKey {
  const text = octets.toString('utf8');
  if (!text.includes('\uFFFD') || Buffer.from(text, 'utf8').equals(octets)) return text as EtcdKey;
  const escaped = (octet: string): string => String.fromCharCode(LONE_SURROGATE + octet.charCodeAt(0));
  return octets.toString('latin1').replace(/[\x80-\xff]/g, escaped) as EtcdKey;
}

/** The octets of a key in etcd: what {@link keyOfOctets} was given. */
export function octetsOfKey(key: string): Buffer {
  if (isUtf8Key(key)) return Buffer.from(key, 'utf8');
  const octet = (escaped: string): string => String.fromCharCode(escaped.charCodeAt(0) - LONE_SURROGATE);
  return Buffer.from(key.replace(/[\udc80-\udcff]/g, octet), 'latin1');
}

/** Whether the octets of a key are UTF-8. */
export function isUtf8Key(key: string): boolean {
  return !/\p{Surrogate}/u.test(key);
}

/**
 * Orders keys as etcd does, by their octets. Negative when `a` comes first.
 *
 * Code units order alike except that surrogates (characters above U+FFFF, four octets) come after U+E000 to U+FFFF (three),
 * and those that stand for an octet where the octet does.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    if (mayBeOctet(left) || mayBeOctet(right)) return octetsOfKey(a).compare(octetsOfKey(b));
    return left < 0xd800 || right < 0xd800 ? left - right : rankOf(left) - rankOf(right);
  }
  return a.length - b.length;
}

/** The second half of a character above U+FFFF may look so, too. */
function mayBeOctet(codeUnit: number): boolean {
  return codeUnit >= 0xdc80 && codeUnit <= 0xdcff;
}

function rankOf(codeUnit: number): number {
  return codeUnit >= 0xe000 ? codeUnit - 0x2000 : codeUnit + 0x2000;
}

/** Whether `label` is letters, digits and hyphens, no hyphen at either end, 1 to 63 octets (RFC 1123 §2.1). */
export function isLdhLabel(label: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label);
}

/**
 * Whether a name may be a host's: labels of letters, digits, hyphens and, as many write them, underscores; the last one no number,
 * which a mistyped address ends in (RFC 1123 §2.1).
 */
export function isHostName(name: OwnerName): boolean {
  const labels = labelsOf(name);
  return labels.every((label) => /^[a-z0-9_-]+$/i.test(label)) && /\D/.test(labels.at(-1) ?? '');
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
  return /^[\x00-\x7f]*$/.test(text);
}
