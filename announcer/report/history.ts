import { namesContainer } from '../../shared/container-id.ts';
import { type EtcdKey, isWithin, NameError, type OwnerName, ownerOf, parseName } from '../../shared/name.ts';
import type { AnnouncerEvent } from '../event.ts';

/** What a person may name: a service, an instance or a host of it, whole or without the domain; a container by name or id. */
export interface HistorySubject {
  readonly text: string;
  /** `text` as an owner name, as it is and below the domain. */
  readonly names: readonly OwnerName[];
}

/** @param domain put behind a name that does not end in it */
export function subjectOf(text: string, domain: OwnerName): HistorySubject {
  try {
    const name = parseName(text);
    return { text, names: isWithin(name, domain) ? [name] : [name, parseName(`${name.slice(0, -1)}.${domain}`)] };
  } catch (error) {
    // A container's name may hold what a label cannot.
    if (error instanceof NameError) return { text, names: [] };
    throw error;
  }
}

/** Whether an event is part of the subject's history. */
export function isAbout(event: AnnouncerEvent, subject: HistorySubject, prefix: string): boolean {
  const { text } = subject;
  if ('container' in event && (event.containerName === text || namesContainer(text, event.container))) return true;
  return 'key' in event && isKeyOf(event.key, subject, prefix);
}

/** Whether `key` is one that the subject's name would answer with. */
export function isKeyOf(key: EtcdKey, subject: HistorySubject, prefix: string): boolean {
  const owner = ownerOf(key, prefix);
  return owner !== undefined && subject.names.some((name) => isWithin(owner, name));
}

/** What stood under a name at a moment, and the event that made it so. */
export interface StoodThen {
  readonly key: EtcdKey;
  readonly value: string;
  readonly sequence: number;
  readonly sinceMs: number;
}

/** Folds instance events into what was announced: feed it the history up to a moment. */
export class Then {
  readonly #stands = new Map<EtcdKey, StoodThen>();

  add(event: AnnouncerEvent, sequence: number): void {
    if (event.type === 'InstanceAnnounced') {
      const { key, value, atMs } = event;
      this.#stands.set(key, { key, value, sequence, sinceMs: atMs });
    } else if (event.type === 'InstanceWithdrawn') {
      this.#stands.delete(event.key);
    }
  }

  get stands(): readonly StoodThen[] {
    return [...this.#stands.values()];
  }
}
