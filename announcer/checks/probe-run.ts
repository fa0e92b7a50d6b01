/** Edge: the checks of one run of a container. */

import type { ContainerFacts } from '../facts.ts';
import type { ProbeResult } from '../observation.ts';
import type { ProbeWanted } from './check.ts';
import type { ListeningProbe } from './listening.ts';
import { type Attempt, isNews, nextDelayMs, PACES, settle, UNSETTLED, type Verdict } from './probe-verdict.ts';

/** What one look at one or several checks gave. */
export type Look =
  | {
      readonly type: 'tried';
      readonly attempts: ReadonlyMap<string, Attempt>;
      /** Whichever run of the container, or even another container, is there by now may have answered. */
      readonly isOfAnyRun?: boolean;
    }
  /** Nothing can be said now; the verdicts stand. `why` is said; without one, somebody else says it. */
  | { readonly type: 'unknown'; readonly why?: unknown }
  /** The container's process is no more. */
  | { readonly type: 'gone' }
  /** It cannot be checked from here, and passes for this reason; unless that is certain, only if the engine says that it runs. */
  | { readonly type: 'unreadable'; readonly reason: string; readonly isCertain: boolean };

/** Checks that one look answers together: all `listening` ports of a container, or one other check. */
export interface Probe {
  readonly kind: keyof typeof PACES;
  readonly wanted: readonly ProbeWanted[];
  /** What it rejects with counts as `unknown`. */
  look(): Promise<Look>;
}

export interface RunEvents {
  /** A verdict was settled or has changed, or why it fails; all that are settled. */
  readonly onResults: (facts: ContainerFacts, results: readonly ProbeResult[]) => void;
  readonly onGone: () => void;
  /** Whether the engine, asked now, still knows this run under this pid; false as well when it does not say. */
  readonly isRunning: (facts: ContainerFacts) => Promise<boolean>;
  readonly onUnreadable: (reason: string) => void;
  /** A look that could not be made. @param why a sentence, or an error that nobody expected */
  readonly onUnknown: (kind: Probe['kind'], why: unknown) => void;
}

/** `/proc` may be behind for a container that has just started or is about to be reported dead. */
const UNREADABLE_AFTER_MS = 2_000;
const GONE_AGAIN_MS = 1_000;
/** Spread, so that checks that began together do not stay together. */
const JITTER = 0.1;

/** Runs the checks of one run of a container until it is stopped. */
export class ProbeRun {
  /** The newest inspect of this run. */
  facts: ContainerFacts;
  readonly #events: RunEvents;
  readonly #verdicts = new Map<string, Verdict>();
  readonly #timers = new Map<Probe, NodeJS.Timeout>();
  readonly #bornAtMs = performance.now();
  #isStopped = false;

  constructor(facts: ContainerFacts, probes: readonly Probe[], events: RunEvents) {
    this.facts = facts;
    this.#events = events;
    for (const probe of probes) void this.#step(probe);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  async #step(probe: Probe): Promise<void> {
    const look = await lookOf(probe);
    if (this.#isStopped) return;
    switch (look.type) {
      case 'tried': {
        const settled = this.#settled(probe, look.attempts);
        if (look.isOfAnyRun && this.#turnsPassing(settled) && !(await this.#isThisRun())) {
          this.#later(probe, GONE_AGAIN_MS);
          return;
        }
        if (!this.#isStopped) this.#take(settled);
        break;
      }
      case 'gone':
        this.#events.onGone();
        this.#later(probe, GONE_AGAIN_MS);
        return;
      case 'unreadable':
        if (look.isCertain || (await this.#isStillRunning(probe))) this.#letPass(probe, look.reason);
        break;
      case 'unknown':
        if (look.why !== undefined) this.#events.onUnknown(probe.kind, look.why);
        break;
    }
    this.#later(probe, this.#delayMs(probe));
  }

  /** Most often a process that is not there has ended, and that was not told: then nothing of it may pass. */
  async #isStillRunning({ wanted }: Probe): Promise<boolean> {
    if (wanted.every(({ port }) => this.#verdicts.get(port)?.passing === true)) return true;
    if (this.#ageMs < UNREADABLE_AFTER_MS) return false;
    return this.#isThisRun();
  }

  /** Asked of the engine; what it denies, or does not say, is looked at again. */
  async #isThisRun(): Promise<boolean> {
    const isRunning = await this.#events.isRunning(this.facts);
    if (!isRunning && !this.#isStopped) this.#events.onGone();
    return isRunning && !this.#isStopped;
  }

  #later(probe: Probe, delayMs: number): void {
    if (this.#isStopped) return;
    this.#timers.set(
      probe,
      setTimeout(() => void this.#step(probe), delayMs),
    );
  }

  get #ageMs(): number {
    return performance.now() - this.#bornAtMs;
  }

  #delayMs(probe: Probe): number {
    const delays = probe.wanted.map((check) =>
      nextDelayMs(this.#verdict(check.port), this.#ageMs, PACES[probe.kind], check),
    );
    return Math.min(...delays) * (1 + JITTER * (Math.random() - 0.5));
  }

  /** The verdicts with these attempts in them, by port. */
  #settled(probe: Probe, attempts: ReadonlyMap<string, Attempt>): ReadonlyMap<string, Verdict> {
    const settled = new Map<string, Verdict>();
    for (const check of probe.wanted) {
      const attempt = attempts.get(check.port);
      if (attempt !== undefined) settled.set(check.port, settle(this.#verdict(check.port), attempt, check));
    }
    return settled;
  }

  #turnsPassing(settled: ReadonlyMap<string, Verdict>): boolean {
    return [...settled].some(([port, { passing }]) => passing === true && this.#verdict(port).passing !== true);
  }

  #take(settled: ReadonlyMap<string, Verdict>): void {
    let hasChanged = false;
    for (const [port, verdict] of settled) {
      hasChanged ||= isNews(this.#verdict(port), verdict);
      this.#verdicts.set(port, verdict);
    }
    if (hasChanged) this.#tell();
  }

  #verdict(port: string): Verdict {
    return this.#verdicts.get(port) ?? UNSETTLED;
  }

  #letPass(probe: Probe, reason: string): void {
    const detail = `not checked: ${reason}`;
    const isNew = probe.wanted.some(({ port }) => this.#verdicts.get(port)?.passing !== true);
    for (const { port } of probe.wanted) this.#verdicts.set(port, { ...UNSETTLED, passing: true, detail });
    if (!isNew) return;
    this.#events.onUnreadable(reason);
    this.#tell();
  }

  #tell(): void {
    const results = [...this.#verdicts].flatMap(([port, { passing, detail }]) =>
      passing === undefined ? [] : [{ port, passing, detail }],
    );
    this.#events.onResults(this.facts, results);
  }
}

/** A check that cannot be looked at, for whatever reason, must not end those of the others. */
async function lookOf(probe: Probe): Promise<Look> {
  try {
    return await probe.look();
  } catch (error) {
    return { type: 'unknown', why: error };
  }
}

/** All `listening` checks of a run. */
export function listeningProbe(wanted: readonly ProbeWanted[], listening: ListeningProbe): Probe {
  return {
    kind: 'listening',
    wanted,
    look: async () => {
      const sight = await listening.look();
      if (sight.type === 'seen') return { type: 'tried', attempts: sight.ports };
      return sight.type === 'gone' ? sight : { type: 'unreadable', reason: sight.reason, isCertain: false };
    },
  };
}
