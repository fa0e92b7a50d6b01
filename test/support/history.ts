/** One simulated history of an engine, a store, and the announcer between them, from one seed, in virtual time. */

import type { AnnouncerEvent } from '../../announcer/event.ts';
import { claimKeyOf } from '../../announcer/keys/host-claim.ts';
import type { AnnounceRules } from '../../announcer/rules.ts';
import { CAUSES } from '../../shared/causes.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { decodeRecord } from '../../shared/record.ts';
import type { Change } from '../../shared/store.ts';
import { rules as usualRules } from './container-facts.ts';
import { ContainerScript, comparable, differences, OPERATION_MAX_MS, trueKeys } from './doubles/container-script.ts';
import { FaultyStore } from './doubles/faulty-store.ts';
import { MemoryStore } from './doubles/memory-store.ts';
import { MemoryJournal, type SimulatedAnnouncer, startSimulated } from './doubles/simulated-announcer.ts';
import { SimulatedEngine } from './doubles/simulated-engine.ts';
import { SimulatedMachine } from './doubles/simulated-machine.ts';
import { inVirtualTime, seededRandom, type VirtualTime } from './doubles/virtual-time.ts';

const DOMAIN_PREFIX = '/skydns/com/example/prod/s/';
const HOUR_MS = 3_600_000;
const COMPARE_MS = 60_000;
const TTL_SECONDS = 15;
const MAX_HOLD_MS = 60_000;
const RULES: AnnounceRules = usualRules({
  // Short holds, so that a history need not wait ten minutes for them; never switched off.
  damping: { penaltyPerDeath: 1000, halfLifeMs: 20_000, suppressAbove: 3000, reuseBelow: 1000, maxHoldMs: MAX_HOLD_MS },
});
/**
 * From the last event on: a comparison, and on top of it the longest that a container may be held by what was seen last:
 * 30 s for a stop signal that did not end it, the longest hold for a crash loop; and 15 s for a daemon that comes back.
 */
export const CONVERGED_WITHIN_MS = COMPARE_MS + MAX_HOLD_MS + 15_000;
/** Before the lease itself would have run out: the next keepalive says that it is gone. */
const CLAIMED_AGAIN_MS = 9000;
/** Nothing may be written for so long then: two comparisons and more. */
const STEADY_MS = 130_000;

export interface HistoryResult {
  /** Empty when the history went as it must. */
  readonly problems: readonly string[];
  /** From the last event to keys = truth, in virtual time. */
  readonly convergedMs: number;
  readonly trace: readonly string[];
  readonly puts: number;
  /** The announcer's journal. */
  readonly events: readonly AnnouncerEvent[];
}

export function runHistory(seed: number): Promise<HistoryResult> {
  const random = seededRandom(seed);
  return inVirtualTime(random, (time) => new HistoryRun(random, time).run());
}

class HistoryRun {
  readonly #time: VirtualTime;
  readonly #engine: SimulatedEngine;
  readonly #machine: SimulatedMachine;
  readonly #backend = new MemoryStore();
  readonly #store = new FaultyStore(this.#backend);
  #journal = new MemoryJournal();
  readonly #script: ContainerScript;
  readonly #random: () => number;
  readonly #problems: string[] = [];
  /** Everything that has ever been true, by key. */
  readonly #ever = new Map<EtcdKey, Set<string>>();
  /** What has been true since the announcer that runs was started. */
  readonly #sinceStart = new Map<EtcdKey, Set<string>>();
  readonly #stored = new Map<EtcdKey, string>();
  /** Host ports of containers, and those of runs whose death was told, with when. */
  readonly #ports = new Map<string, readonly number[]>();
  readonly #toldDead = new Map<number, number>();
  #announcer: SimulatedAnnouncer | undefined;
  #wasClockSet = false;
  #starts = 0;
  #puts = 0;
  readonly #written: string[] = [];

  constructor(random: () => number, time: VirtualTime) {
    this.#random = random;
    this.#time = time;
    this.#engine = new SimulatedEngine(random);
    this.#engine.reusesPids = true;
    this.#machine = new SimulatedMachine(this.#engine, random);
    this.#script = new ContainerScript({
      engine: this.#engine,
      random,
      isUp: () => !this.#engine.isDown,
      onChange: () => this.#noteTruth(),
      ignoresStops: true,
      hasChecks: true,
      pace: 1,
    });
    this.#engine.onToldDeath = (id) => {
      // Before it has looked at all of them, or by a clock that was set, it cannot tell of which run a death is.
      if (!this.#announcer?.isSynced || this.#wasClockSet) return;
      for (const port of this.#ports.get(id) ?? []) this.#toldDead.set(port, this.#time.nowMs);
    };
    this.#backend.onChanges = (changes) => this.#take(changes);
  }

  async run(): Promise<HistoryResult> {
    const script = this.#script;
    for (let at = script.pick(4); at > 0; at -= 1) script.step();
    await this.#start();
    for (let steps = 8 + script.pick(25); steps > 0; steps -= 1) await this.#step();
    await this.#becomeQuiet();
    const convergedMs = await this.#converge();
    await this.#checkSteady();
    const { error } = this.#announcer as SimulatedAnnouncer;
    if (error !== undefined) this.#problems.push(`it ended: ${String(error)}`);
    this.#announcer?.crash();
    script.close();
    await this.#backend.close();
    return {
      problems: this.#problems,
      convergedMs,
      trace: script.trace,
      puts: this.#puts,
      events: this.#journal.events,
    };
  }

  async #start(): Promise<void> {
    this.#starts += 1;
    this.#sinceStart.clear();
    this.#noteTruth();
    this.#announcer = await startSimulated({
      client: this.#engine.client,
      machine: this.#machine,
      store: this.#store,
      rules: RULES,
      journal: this.#journal,
      ttlSeconds: TTL_SECONDS,
      domainPrefix: DOMAIN_PREFIX,
      compareMs: COMPARE_MS,
      startedAt: String(this.#starts),
    });
  }

  async #step(): Promise<void> {
    const script = this.#script;
    if (script.pick(3) === 0) await this.#fault(script.pick(16));
    else script.step();
    // Mostly in a burst, sometimes after a while.
    await this.#pass([0, 5, 40, 300, 2000, 20_000][script.pick(6)] as number);
  }

  async #fault(which: number): Promise<void> {
    const engine = this.#engine;
    const store = this.#store;
    switch (which) {
      case 0:
      case 1:
        this.#note('engine dies');
        engine.die();
        if (which === 0) this.#script.endAll();
        for (let changes = this.#script.pick(3); changes > 0; changes -= 1) this.#script.step();
        await this.#pass(500 + this.#script.pick(8000));
        this.#comeBack();
        return;
      case 2:
        this.#note('engine stalls');
        engine.stall(true);
        return;
      case 3:
        this.#note('engine goes on');
        engine.stall(false);
        return;
      case 4:
        this.#note('streams are cut');
        engine.cutStreams();
        return;
      case 5:
        this.#note('ring is overrun');
        engine.overrunRing();
        return;
      case 6:
        this.#note('late events come');
        engine.sendLate();
        return;
      case 7:
        this.#note('clock is set');
        this.#wasClockSet = true;
        this.#time.setClock([-HOUR_MS, HOUR_MS, -2000, 2000][this.#script.pick(4)] as number);
        return;
      case 8:
        this.#note('inspects fail, and slowly');
        engine.failingInspects = this.#script.pick(4);
        engine.slownessMs = this.#script.pick(2) * 400;
        return;
      case 9:
        this.#note('store is away');
        store.down();
        await this.#pass(this.#script.pick(2 * TTL_SECONDS * 1000));
        store.up();
        return;
      case 10:
        this.#note('store loses answers and watches');
        store.losingAnswers = this.#script.pick(3);
        store.breakWatches();
        return;
      case 11: {
        const isLost = this.#script.pick(4) === 0;
        this.#note(`announcer crashes${isLost ? ', and its journal is lost' : ''}`);
        this.#announcer?.crash();
        if (isLost) this.#journal = new MemoryJournal();
        await this.#pass(this.#script.pick(2 * TTL_SECONDS * 1000));
        return this.#start();
      }
      case 12:
        this.#note('engine dies, and lists nothing at first');
        engine.die();
        engine.listsNothing = true;
        await this.#pass(1000);
        if (this.#script.pick(3) === 0) this.#script.removeAll();
        this.#comeBack();
        await this.#pass(this.#script.pick(5000));
        engine.listsNothing = false;
        return;
      case 13:
        return this.#loseLease();
      case 14:
        // A look may be under way for each of them when it ends.
        this.#note('all end while they are looked at');
        engine.slownessMs = 200;
        this.#announcer?.look([...engine.containers.keys()]);
        await this.#pass(300);
        this.#script.killAll();
        return;
      default:
        this.#note('an event that cannot be read');
        engine.write('{"Type":"container",\n');
    }
  }

  /** Somebody revokes the lease of a name, or of the claim. */
  async #loseLease(): Promise<void> {
    const names = [...this.#stored.keys()];
    const name = names[this.#script.pick(2 * names.length)];
    const key = name ?? claimKeyOf(RULES.host.name);
    const lease = await this.#backend.leaseOf(key);
    const wasHeld = this.#announcer?.announce.claim.state === 'held';
    if (lease === undefined || !wasHeld) return;
    this.#note(`the lease of ${key} is revoked`);
    await this.#backend.revoke(lease);
    await this.#time.advance(CLAIMED_AGAIN_MS);
    if ((await this.#backend.leaseOf(claimKeyOf(RULES.host.name))) !== undefined) return;
    this.#problems.push(`the host is not claimed again ${CLAIMED_AGAIN_MS / 1000} s after its lease was revoked`);
  }

  #comeBack(): void {
    if (!this.#engine.isDown) return;
    this.#note('engine is back');
    this.#engine.comeBack();
    this.#script.startRestarting();
  }

  /** What was begun ends, nothing is told wrongly any more, and every part answers. */
  async #becomeQuiet(): Promise<void> {
    this.#note('quiet');
    this.#script.isHonest = true;
    this.#comeBack();
    this.#engine.stall(false);
    this.#engine.failingInspects = 0;
    this.#engine.slownessMs = 0;
    this.#store.losingAnswers = 0;
    this.#engine.sendLate();
    await this.#pass(2 * OPERATION_MAX_MS);
  }

  async #converge(): Promise<number> {
    const beganMs = this.#time.nowMs;
    for (;;) {
      const passedMs = this.#time.nowMs - beganMs;
      const different = differences(this.#stored, trueKeys(this.#engine, RULES));
      if (different.length === 0) return passedMs;
      if (passedMs > CONVERGED_WITHIN_MS) {
        this.#problems.push(...different.map((each) => `after ${passedMs / 1000} s of quiet: ${each}`));
        return passedMs;
      }
      await this.#pass(1000);
    }
  }

  async #checkSteady(): Promise<void> {
    if (this.#problems.length > 0) return;
    // What was held back and is not told by a difference: a hold of a key that another container has.
    const writes = this.#written.length;
    await this.#pass(STEADY_MS);
    const different = differences(this.#stored, trueKeys(this.#engine, RULES));
    this.#problems.push(...different.map((each) => `long after quiet: ${each}`));
    const needless = this.#written.slice(writes);
    if (needless.length > 0) this.#problems.push(`written though nothing changed: ${needless.join('; ')}`);
  }

  async #pass(ms: number): Promise<void> {
    await this.#time.advance(ms * (0.5 + this.#random() / 2));
  }

  #noteTruth(): void {
    for (const { id, pid, published } of this.#engine.containers.values()) {
      const ports = Object.values(published);
      this.#ports.set(id, ports);
      // Not every kind gets other ports with each run.
      if (pid > 0) for (const port of ports) this.#toldDead.delete(port);
    }
    for (const [key, values] of trueKeys(this.#engine, RULES)) {
      for (const known of [this.#ever, this.#sinceStart]) {
        known.set(key, new Set([...(known.get(key) ?? []), ...values]));
      }
    }
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) {
      const key = change.type === 'put' ? change.entry.key : change.key;
      const isName = key.startsWith(DOMAIN_PREFIX);
      // The claim is written anew by who lost it; whatever else is written must be for a change.
      if (isName || key.startsWith(CAUSES)) {
        this.#written.push(`${change.type} ${key} at ${(this.#time.nowMs / 1000).toFixed(1)} s`);
      }
      if (!isName) continue;
      if (change.type === 'delete') {
        this.#stored.delete(key);
        continue;
      }
      this.#puts += 1;
      const { value } = change.entry;
      if (!this.#stored.has(key) && !this.#sinceStart.get(key)?.has(comparable(value))) {
        this.#problems.push(`was written anew, and was not true since the announcer started: ${key} ${value}`);
      }
      this.#stored.set(key, value);
      const decoded = decodeRecord(value);
      const diedMs = this.#toldDead.get((decoded.ok ? decoded.record.port : undefined) ?? 0);
      if (diedMs !== undefined && diedMs < this.#time.nowMs) {
        this.#problems.push(`was written ${this.#time.nowMs - diedMs} ms after its death was told: ${key} ${value}`);
      }
      if (!this.#ever.get(key)?.has(comparable(value))) {
        this.#problems.push(`was written and never was: ${key} ${value}`);
      }
    }
  }

  #note(what: string): void {
    this.#script.trace.push(`-- ${what} at ${(this.#time.nowMs / 1000).toFixed(2)} s`);
  }
}
