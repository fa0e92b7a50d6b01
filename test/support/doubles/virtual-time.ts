/** Time that passes only when a test says so: hours of timers in milliseconds, and the same order each time. */

export interface VirtualTime {
  /** Monotonic, from 0. */
  readonly nowMs: number;
  /** Runs every timer that falls due within `ms`, in order, each with all that it leads to. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock forward or back; timers and the monotonic clock do not notice. */
  setClock(byMs: number): void;
}

const REAL = { setTimeout, clearTimeout, setInterval, clearInterval, performance, now: Date.now, random: Math.random };
const realImmediate = setImmediate;
/** What the wall clock says at first. */
const EPOCH_MS = Date.parse('2026-11-20T12:00:00Z');

/**
 * Runs `work` with virtual timers, clocks and a seeded `Math.random` in place of the real ones. Real input and output may
 * not be awaited meanwhile: only promises, microtasks and virtual timers.
 */
export async function inVirtualTime<T>(random: () => number, work: (time: VirtualTime) => Promise<T>): Promise<T> {
  const timers = new Timers();
  const replaced = {
    setTimeout: (callback: Callback, ms?: number, ...given: unknown[]) => timers.add(callback, ms, given, false),
    setInterval: (callback: Callback, ms?: number, ...given: unknown[]) => timers.add(callback, ms, given, true),
    clearTimeout: (timer?: Timer) => timers.remove(timer),
    clearInterval: (timer?: Timer) => timers.remove(timer),
  };
  Object.assign(globalThis, replaced);
  Object.defineProperty(globalThis, 'performance', { value: { now: () => timers.nowMs }, configurable: true });
  Date.now = () => EPOCH_MS + Math.floor(timers.nowMs) + timers.clockOffsetMs;
  Math.random = random;
  try {
    return await work(timers);
  } finally {
    const { performance: realPerformance, now, random: realRandom, ...functions } = REAL;
    Object.assign(globalThis, functions);
    Object.defineProperty(globalThis, 'performance', { value: realPerformance, configurable: true });
    Date.now = now;
    Math.random = realRandom;
  }
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Callback = (...given: unknown[]) => void;

/** As much of Node's timer as is used. */
class Timer {
  readonly callback: () => void;
  readonly ms: number;
  readonly repeats: boolean;
  readonly #timers: Timers;
  dueMs = 0;
  order = 0;

  constructor(timers: Timers, callback: () => void, ms: number, repeats: boolean) {
    this.#timers = timers;
    this.callback = callback;
    this.ms = ms;
    this.repeats = repeats;
  }

  refresh(): this {
    this.#timers.schedule(this);
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

class Timers implements VirtualTime {
  readonly #waiting = new Set<Timer>();
  #order = 0;
  nowMs = 0;
  clockOffsetMs = 0;

  setClock(byMs: number): void {
    this.clockOffsetMs += byMs;
  }

  add(callback: Callback, ms: number | undefined, given: unknown[], repeats: boolean): Timer {
    // As Node does: at least 1 ms, whole ones.
    const timer = new Timer(this, () => callback(...given), Math.max(1, Math.trunc(ms ?? 0)), repeats);
    this.schedule(timer);
    return timer;
  }

  schedule(timer: Timer): void {
    timer.dueMs = this.nowMs + timer.ms;
    timer.order = this.#order++;
    this.#waiting.add(timer);
  }

  remove(timer: Timer | undefined): void {
    if (timer !== undefined) this.#waiting.delete(timer);
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settled();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      if (next.repeats) this.schedule(next);
      else this.#waiting.delete(next);
      next.callback();
      await settled();
    }
    this.nowMs = untilMs;
  }

  #next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#waiting) {
      if (timer.dueMs > untilMs) continue;
      const isEarlier =
        first === undefined || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order);
      if (isEarlier) first = timer;
    }
    return first;
  }
}

/** Everything that promises, microtasks, ticks and turns of the event loop lead to has happened. */
async function settled(): Promise<void> {
  do await new Promise((resolve) => realImmediate(resolve));
  while (process.getActiveResourcesInfo().includes('Immediate'));
}
