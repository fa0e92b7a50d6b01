import type { EngineClient } from '../engine/engine.ts';

/** What one inspect said, and why it was made. */
export interface Look {
  readonly container: string;
  readonly cause: string;
  /** When `cause` happened; absent when nobody knows. */
  readonly causedAtMs?: number;
  /** As it came; undefined when there is no such container. */
  readonly raw: unknown;
}

interface Pending {
  why: Pick<Look, 'cause' | 'causedAtMs'>;
  readonly done: (() => void)[];
}

interface Container {
  /** The look that has been asked for after the one under way began. */
  waiting: Pending | undefined;
  underWay: boolean;
  /** Something happened since the look under way began that its answer may not know of. */
  stale: boolean;
}

/** Inspects at once; more would only queue inside the engine. */
const CONCURRENCY = 16;

/**
 * Looks at containers: per container one inspect under way and at most one waiting, however many events come; at most
 * {@link CONCURRENCY} in all, those that an event asked for before those of a list.
 */
export class Inspector {
  readonly #client: EngineClient;
  readonly #onLook: (look: Look) => void;
  readonly #onError: (error: unknown, container: string) => void | Promise<void>;
  readonly #containers = new Map<string, Container>();
  readonly #urgent = new Set<string>();
  readonly #routine = new Set<string>();
  #running = 0;
  #closed = false;

  /** @param onError a look has not ended before what this gives has */
  constructor(
    client: EngineClient,
    onLook: (look: Look) => void,
    onError: (error: unknown, container: string) => void | Promise<void>,
  ) {
    this.#client = client;
    this.#onLook = onLook;
    this.#onError = onError;
  }

  /** Resolves when a look that began after this call has been handed on, or has failed. */
  look(id: string, cause: string, urgency: 'urgent' | 'routine', causedAtMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const why = causedAtMs === undefined ? { cause } : { cause, causedAtMs };
      const container = this.#containers.get(id) ?? { waiting: undefined, underWay: false, stale: false };
      this.#containers.set(id, container);
      if (container.waiting === undefined) container.waiting = { why, done: [resolve] };
      else {
        container.waiting.done.push(resolve);
        // A list's look says less about why than an event's.
        if (urgency === 'urgent') container.waiting.why = why;
      }
      if (urgency === 'urgent') {
        this.#routine.delete(id);
        this.#urgent.add(id);
      } else if (!this.#urgent.has(id)) {
        this.#routine.add(id);
      }
      this.#run();
    });
  }

  /** The answer of a look under way is not handed on; the caller asks for another one. */
  distrust(id: string): void {
    const container = this.#containers.get(id);
    if (container?.underWay) container.stale = true;
  }

  close(): void {
    this.#closed = true;
    this.#urgent.clear();
    this.#routine.clear();
  }

  #run(): void {
    while (this.#running < CONCURRENCY && !this.#closed) {
      const id = this.#next(this.#urgent) ?? this.#next(this.#routine);
      if (id === undefined) return;
      const container = this.#containers.get(id) as Container;
      const pending = container.waiting as Pending;
      container.waiting = undefined;
      container.underWay = true;
      container.stale = false;
      this.#running += 1;
      void this.#inspect(id, container, pending);
    }
  }

  /** The first that has no look under way already. */
  #next(queue: Set<string>): string | undefined {
    for (const id of queue) {
      if (this.#containers.get(id)?.underWay) continue;
      queue.delete(id);
      return id;
    }
    return undefined;
  }

  async #inspect(id: string, container: Container, { why, done }: Pending): Promise<void> {
    try {
      const raw = await this.#client.inspect(id);
      if (!container.stale && !this.#closed) this.#onLook({ container: id, ...why, raw });
    } catch (error) {
      if (!this.#closed) await this.#onError(error, id);
    }
    this.#running -= 1;
    container.underWay = false;
    if (container.waiting === undefined) this.#containers.delete(id);
    for (const resolve of done) resolve();
    this.#run();
  }
}
