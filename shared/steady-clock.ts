/** Milliseconds of a clock that nobody sets, the same for every process of the machine. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

export interface SteadyClockSources {
  readonly wallMs: () => number;
  /** Never goes back, and is set by nobody. */
  readonly monotonicMs: () => number;
}

/**
 * The time for everything that lasts: it begins as the wall clock says, ms since epoch, and then only passes. When someone
 * sets the wall clock an hour back or forward, what was to last ten seconds still lasts ten. What is written, or was read
 * from a file, has the wall clock's time; the two agree as long as nobody sets it after the start.
 */
export class SteadyClock {
  /** What makes the same clock in another process. */
  readonly baseMs: number;
  readonly #monotonicMs: () => number;

  constructor(sources: Partial<SteadyClockSources> = {}, baseMs?: number) {
    this.#monotonicMs = sources.monotonicMs ?? monotonicMs;
    this.baseMs = baseMs ?? (sources.wallMs ?? Date.now)() - this.#monotonicMs();
  }

  /** Bound, to be handed on. */
  readonly nowMs = (): number => this.baseMs + this.#monotonicMs();
}
