import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { evolve, Zone } from '../../resolver/zone/zone.ts';
import { type EtcdKey, keyOf, parseName } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';

/**
 * Zones written down for tests, one key a line: the name, then the value's fields as `field=value`, in JSON5-like
 * brevity. `lease=` is the key's lease, not a field; `raw=` gives the value as it stands (and must be last); a field's
 * text may be quoted.
 *
 *     1.web.example.org host=192.0.2.1 port=80 ttl=30
 *     note.example.org  text="two words"
 *     bad.example.org   raw={"port": "80"}
 */
export const PREFIX = '/skydns';

const NUMBERS = new Set(['port', 'priority', 'weight', 'ttl', 'targetstrip']);

export function zoneFrom(text: string, prefix = PREFIX): Zone {
  const zone = Zone.empty(prefix);
  for (const event of eventsFrom(text, prefix)) evolve(zone, event);
  return zone;
}

/** One put a line, in the order of the lines, at revisions from 1 on. */
export function eventsFrom(text: string, prefix = PREFIX): ZoneEvent[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line, index) => putFrom(line, prefix, index + 1));
}

function putFrom(line: string, prefix: string, revision: number): ZoneEvent {
  const [name = '', rest = ''] = splitOnce(line);
  const { value, lease } = valueFrom(rest);
  return put(keyFor(name, prefix), value, revision, lease);
}

/** A key as it stands, or the key of a name. */
export function keyFor(name: string, prefix = PREFIX): EtcdKey {
  if (name.startsWith('/')) return name as EtcdKey;
  const key = keyOf(parseName(name), prefix);
  if (key === undefined) throw new Error(`${name} has no key`);
  return key;
}

export function put(key: EtcdKey, value: string, revision: number, lease?: string): ZoneEvent {
  const under = lease === undefined ? {} : { lease: lease as LeaseId };
  return { atMs: 0, type: 'RecordPut', revision: String(revision), key, value, ...under };
}

export function deletion(key: EtcdKey, revision: number): ZoneEvent {
  return { atMs: 0, type: 'RecordDeleted', revision: String(revision), key };
}

function splitOnce(line: string): string[] {
  const at = line.search(/\s/);
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at).trim()];
}

function valueFrom(fields: string): { value: string; lease: string | undefined } {
  const record: Record<string, unknown> = {};
  let lease: string | undefined;
  let value: string | undefined;
  for (const match of fields.matchAll(/(raw)=(.*)$|(\w+)=(?:"([^"]*)"|(\S*))/g)) {
    const field = match[3] ?? '';
    const text = match[4] ?? match[5] ?? '';
    if (match[1] === 'raw') value = match[2] ?? '';
    else if (field === 'lease') lease = text;
    else if (field === 'mail') record[field] = text === 'true';
    else record[field] = NUMBERS.has(field) ? Number(text) : text;
  }
  return { value: value ?? JSON.stringify(record), lease };
}
