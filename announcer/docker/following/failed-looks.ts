/** Edge: what becomes of a look that failed. */
import type { Log } from '../../../shared/log.ts';
import { EngineError } from '../engine/engine.ts';

export interface FailedLooksSettings {
  readonly log: Log;
  /** Rejects when the engine does not answer. */
  readonly ping: () => Promise<void>;
  readonly lookAgain: (container: string) => Promise<void>;
  /** The engine is lost, or something is broken here. */
  readonly onLost: (error: unknown) => void;
}

/** After a look that failed though the engine answers. */
const LOOK_AGAIN_MS = 1000;

/**
 * Tells the loss of an engine from a container that alone cannot be inspected: a lock of its own that is never released lets
 * its inspects hang, and a fault of the engine in one of them breaks that connection. A ping then answers all the same.
 */
export class FailedLooks {
  readonly #settings: FailedLooksSettings;
  readonly #again = new Map<string, NodeJS.Timeout>();
  #asking: Promise<unknown> | undefined;
  #isClosed = false;

  constructor(settings: FailedLooksSettings) {
    this.#settings = settings;
  }

  /** Resolves when it is known what failed: before that, nobody may say that the engine was read. */
  async take(error: unknown, container: string): Promise<void> {
    const { onLost } = this.#settings;
    if (!(error instanceof EngineError)) return onLost(error);
    if (error.code === 'unreachable') {
      const lost = await this.#askEngine();
      if (this.#isClosed) return;
      if (lost !== undefined) return onLost(lost);
    }
    this.#setAside(error, container);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#again.values()) clearTimeout(timer);
    this.#again.clear();
  }

  /** One ping for all looks that fail meanwhile. @returns what it failed with; undefined when the engine answers */
  #askEngine(): Promise<unknown> {
    this.#asking ??= this.#settings
      .ping()
      .then(
        () => undefined,
        (error: unknown) => error,
      )
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  #setAside({ message }: EngineError, container: string): void {
    if (this.#again.has(container)) return;
    const { log, lookAgain } = this.#settings;
    log.warn(
      'engine-inspect-failed',
      `container ${container.slice(0, 12)} cannot be inspected: ${message}; trying again in ${LOOK_AGAIN_MS / 1000} s, then with each comparison`,
      { container },
    );
    const timer = setTimeout(() => {
      void lookAgain(container).finally(() => this.#again.delete(container));
    }, LOOK_AGAIN_MS);
    this.#again.set(container, timer);
  }
}
