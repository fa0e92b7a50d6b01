import { isIdBeginning, namesContainer } from '../../shared/container-id.ts';
import { lineHolding } from '../../shared/line-holding.ts';
import { type EtcdKey, isWithin, keyOf, NameError, type OwnerName, ownerOf, parseName } from '../../shared/name.ts';
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

/** What is announced, and for whom. */
export interface NamedInstance {
  readonly key: EtcdKey;
  readonly container: string;
  readonly containerName: string;
}

/** Whether an event is part of the subject's history, or an instance one of its. */
export function isAbout(event: AnnouncerEvent | NamedInstance, subject: HistorySubject, prefix: string): boolean {
  const { text } = subject;
  if ('container' in event && (event.containerName === text || namesContainer(text, event.container))) return true;
  return 'key' in event && isKeyOf(event.key, subject, prefix);
}

/**
 * Texts of which the line of every event that {@link isAbout} takes holds one, in some case, as JSON spells it. A
 * container's with their fields: a short name is in most lines, as a part of something else.
 */
export function textsOf({ text, names }: HistorySubject, prefix: string): readonly string[] {
  const keys = names.map((name) => keyOf(name, prefix)).filter((key) => key !== undefined);
  const json = JSON.stringify(text);
  return [
    ...keys.map((key) => JSON.stringify(key).slice(1, -1)),
    `"containerName":${json}`,
    `"container":${isIdBeginning(text) ? json.slice(0, -1) : json}`,
  ];
}

/** A test that passes the line of every event of the subject's history, and of few others. */
export function linesAbout(subject: HistorySubject, prefix: string): RegExp | undefined {
  // A name that no key can be spelled for: only a look at each event can tell.
  if (subject.names.some((name) => keyOf(name, prefix) === undefined)) return undefined;
  return lineHolding(textsOf(subject, prefix));
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
  /** Absent when the journal has that event no more. */
  readonly sequence?: number;
  readonly sinceMs: number;
}

/** Folds instance events into what was announced: feed it the history up to a moment. */
export class Then {
  readonly #stands = new Map<EtcdKey, StoodThen>();
  #restoredTo = 0;

  /** Takes over what stood after event `sequence`. Call first: of the events up to that one only their numbers are learned. */
  restore(stands: Iterable<StoodThen>, sequence: number): void {
    for (const stood of stands) this.#stands.set(stood.key, stood);
    this.#restoredTo = sequence;
  }

  add(event: AnnouncerEvent, sequence: number): void {
    if (event.type === 'InstanceAnnounced') {
      const { key, value, atMs } = event;
      if (sequence <= this.#restoredTo && this.#stands.get(key)?.value !== value) return;
      this.#stands.set(key, { key, value, sequence, sinceMs: atMs });
    } else if (event.type === 'InstanceWithdrawn' && sequence > this.#restoredTo) {
      this.#stands.delete(event.key);
    }
  }

  get stands(): readonly StoodThen[] {
    return [...this.#stands.values()];
  }
}
