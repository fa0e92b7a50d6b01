import type { AnnouncerEvent, Labels } from '../event.ts';
import { cut } from './cut.ts';

/** What an event does not say of its container, and its record should. */
export interface KnownContainer {
  /** Of several the first by name: `web` before `web-9100`. */
  readonly service?: string;
  /** Those on the allow-list, as records have them. */
  readonly labels: Labels;
}

/** A book as it is kept in a file. */
export interface BookJson {
  readonly allowed: readonly string[];
  /** The last event in it. */
  readonly sequence: number;
  readonly containers: Readonly<Record<string, KnownContainer>>;
}

/** Containers that were removed and are still known: a receiver that lags may yet be told of them. */
const REMOVED_MAX = 5_000;
const UNKNOWN: KnownContainer = { labels: {} };

/**
 * The labels and the service of each container. A container's labels never change, so the book serves a sink that is far
 * behind as well as one that is not.
 */
export class ContainerBook {
  readonly #allowed: readonly string[];
  readonly #containers = new Map<string, KnownContainer>();
  readonly #removed = new Map<string, KnownContainer>();
  #sequence = 0;

  /** @param allowed names of labels; no other label comes into a record */
  constructor(allowed: readonly string[]) {
    this.#allowed = [...new Set(allowed)].sort();
  }

  /** Undefined when it was kept for another allow-list, or is no book: then the journal is to be read from its beginning. */
  static fromJson(json: unknown, allowed: readonly string[]): ContainerBook | undefined {
    const book = new ContainerBook(allowed);
    const { allowed: had, sequence, containers } = (json ?? {}) as Partial<BookJson>;
    if (JSON.stringify(had) !== JSON.stringify(book.#allowed)) return undefined;
    if (!Number.isSafeInteger(sequence) || typeof containers !== 'object' || containers === null) return undefined;
    for (const [id, known] of Object.entries(containers)) book.#containers.set(id, known);
    book.#sequence = sequence as number;
    return book;
  }

  toJson(): BookJson {
    const containers = Object.fromEntries(this.#containers);
    return { allowed: this.#allowed, sequence: this.#sequence, containers };
  }

  /** The last event in it. */
  get sequence(): number {
    return this.#sequence;
  }

  of(container: string): KnownContainer {
    return this.#containers.get(container) ?? this.#removed.get(container) ?? UNKNOWN;
  }

  learn(event: AnnouncerEvent, sequence: number): void {
    this.#sequence = sequence;
    switch (event.type) {
      case 'ContainerStarted': {
        const labels = this.#allowedOf(event.labels);
        this.#containers.set(event.container, { ...this.of(event.container), labels });
        break;
      }
      case 'InstanceAnnounced':
      case 'InstanceHeld': {
        const known = this.of(event.container);
        if (known.service !== undefined && known.service <= event.service) break;
        this.#containers.set(event.container, { ...known, service: event.service });
        break;
      }
      case 'ContainerRemoved':
        this.#remove(event.container);
        break;
    }
  }

  #remove(container: string): void {
    this.#removed.set(container, this.of(container));
    this.#containers.delete(container);
    const [oldest] = this.#removed.keys();
    if (this.#removed.size > REMOVED_MAX && oldest !== undefined) this.#removed.delete(oldest);
  }

  /** A dot would make receivers see objects within objects, which clash when one name is the beginning of another. */
  #allowedOf(labels: Labels): Labels {
    const found: Record<string, string> = {};
    for (const name of this.#allowed) {
      const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
      if (value !== undefined) found[name.replaceAll('.', '_')] = cut(value);
    }
    return found;
  }
}
