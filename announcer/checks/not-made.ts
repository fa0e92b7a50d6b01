/** Edge: says which checks cannot be made. */
import type { Log } from '../../shared/log.ts';
import type { ContainerFacts } from '../facts.ts';
import type { Probe } from './probe-run.ts';

/** What was not so for this long is said again. */
const OVER_AFTER_MS = 60_000;
/** Reasons that are remembered. */
const REASONS_MAX = 100;

/** What one check lacks, as descriptors, all of them lack: it is said of the first, once until it is over. */
export class NotMade {
  readonly #log: Log;
  /** By reason, when it was the case last. */
  readonly #lastMs = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param why a sentence, or an error that nobody expected */
  say({ id, name }: ContainerFacts, kind: Probe['kind'], why: unknown, nowMs: number): void {
    const reason = why instanceof Error ? why.message : String(why);
    if (!this.#isNew(isOfSystem(why) ? why.code : reason, nowMs)) return;
    const text = `the ${kind} check of container ${name} cannot be made: ${reason}; what is known of it stands, it is tried again, and others that fail so are not named`;
    if (why instanceof Error && !isOfSystem(why)) {
      this.#log.error('check-not-made', text, { container: id, stack: why.stack });
    } else {
      this.#log.warn('check-not-made', text, { container: id });
    }
  }

  #isNew(reason: string, nowMs: number): boolean {
    const lastMs = this.#lastMs.get(reason) ?? Number.NEGATIVE_INFINITY;
    if (this.#lastMs.size >= REASONS_MAX) this.#lastMs.clear();
    this.#lastMs.set(reason, nowMs);
    return nowMs - lastMs >= OVER_AFTER_MS;
  }
}

/** What the system refused; its message may name a path or an address, of which each container has its own. */
function isOfSystem(why: unknown): why is { readonly code: string } {
  return why instanceof Error && 'syscall' in why && 'code' in why && typeof why.code === 'string';
}
