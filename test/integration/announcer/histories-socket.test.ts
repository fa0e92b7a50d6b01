/**
 * Histories as in `histories.test.ts`, fewer and shorter, on the whole announcer in real time: the Docker API on a Unix
 * socket, the embedded store, the journal on disk. `ROLLCALL_HISTORY_SEED=17` runs one and prints it.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAnnouncer } from '../../../announcer/main.ts';
import type { Component } from '../../../shared/component.ts';
import { silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { openEmbeddedStore } from '../../../shared/store/embedded/embedded.ts';
import type { Store } from '../../../shared/store.ts';
import { configOn, NAMES } from '../../support/announcer-on-engine.ts';
import { rules as usualRules } from '../../support/container-facts.ts';
import {
  ContainerScript,
  comparable,
  differences,
  type TrueKeys,
  trueKeys,
} from '../../support/doubles/container-script.ts';
import { FakeEngine } from '../../support/doubles/fake-engine.ts';
import { FaultyStore } from '../../support/doubles/faulty-store.ts';
import { seededRandom } from '../../support/doubles/virtual-time.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/histories-socket');
const only = process.env.ROLLCALL_HISTORY_SEED;
const COUNT = 200;
const AT_ONCE = 24;
/** A comparison each second, an engine that is asked again within 5 s. */
const CONVERGED_WITHIN_MS = 60_000;

const RULES = usualRules({
  host: { name: 'node-1', privateAddress: { address: '10.0.0.5', given: true }, publicAddress: undefined },
});

class SocketHistory {
  readonly script: ContainerScript;
  readonly problems: string[] = [];
  readonly #random: () => number;
  readonly #engine = new FakeEngine();
  readonly #directory = temporaryDirectory();
  readonly #ever = new Map<EtcdKey, Set<string>>();
  readonly #store: FaultyStore;
  readonly #backend: Store;
  #announcer: Component | undefined;
  #isUp = true;

  constructor(seed: number, backend: Store) {
    this.#random = seededRandom(seed);
    this.#backend = backend;
    this.#store = new FaultyStore(backend);
    this.script = new ContainerScript({
      engine: this.#engine,
      random: this.#random,
      isUp: () => this.#isUp,
      onChange: () => this.#noteTruth(),
      ignoresStops: false,
      hasChecks: false,
      pace: 0.03,
    });
  }

  /** @returns milliseconds from the last event to keys = truth */
  async run(): Promise<number> {
    const watching = this.#backend.changes(NAMES, 1n).subscribe(({ changes }) => {
      for (const change of changes) if (change.type === 'put') this.#check(change.entry.key, change.entry.value);
    });
    try {
      await this.#engine.start();
      await this.#start();
      for (let steps = 15 + this.script.pick(20); steps > 0; steps -= 1) {
        if (this.script.pick(4) === 0) await this.#fault();
        else this.script.step();
        await wait([0, 1, 10, 60][this.script.pick(4)]);
      }
      return await this.#converge();
    } finally {
      this.script.close();
      watching.unsubscribe();
      await this.#announcer?.stop('handover');
      this.#engine.stall(false);
      await this.#engine.die();
    }
  }

  async #start(): Promise<void> {
    const config = configOn(this.#engine.host, 1000);
    const deps = { store: this.#store, log: silentLog, metrics: new Metrics(), version: '0', dataDir: this.#directory };
    const announcer = createAnnouncer(config, deps);
    void announcer.failed.then((error) => this.problems.push(`it ended: ${String(error)}`));
    this.#announcer = announcer;
    await announcer.start();
  }

  async #fault(): Promise<void> {
    const { script } = this;
    const which = script.pick(8);
    script.trace.push(`-- fault ${which}`);
    if (which <= 1) {
      this.#isUp = false;
      await this.#engine.die();
      if (which === 0) script.endAll();
      for (let changes = script.pick(3); changes > 0; changes -= 1) script.step();
      await wait(script.pick(300));
      await this.#engine.start();
      this.#isUp = true;
      script.startRestarting();
    } else if (which === 2) {
      this.#engine.stall(true);
      script.step();
      await wait(script.pick(200));
      this.#engine.stall(false);
    } else if (which === 3) this.#engine.cutStreams();
    else if (which === 4) this.#engine.overrunRing();
    else if (which === 5) this.#engine.sendLate();
    else if (which === 6) {
      this.#store.down();
      await wait(script.pick(300));
      this.#store.up();
    } else {
      await this.#announcer?.stop('handover');
      script.step();
      await this.#start();
    }
  }

  async #converge(): Promise<number> {
    this.script.trace.push('-- quiet');
    this.script.isHonest = true;
    this.#engine.sendLate();
    await wait(500); // what was begun ends
    const began = performance.now();
    let different: readonly string[] = [];
    const isTrue = async (): Promise<boolean> => {
      const { entries } = await this.#backend.snapshot(NAMES);
      different = differences(new Map(entries.map(({ key, value }) => [key, value])), this.#truth());
      return different.length === 0;
    };
    await until('keys = truth', isTrue, { timeoutMs: CONVERGED_WITHIN_MS, everyMs: 20 }).catch(() => {
      this.problems.push(...different);
    });
    return performance.now() - began;
  }

  #truth(): TrueKeys {
    return trueKeys(this.#engine, RULES);
  }

  #noteTruth(): void {
    for (const [key, values] of this.#truth()) {
      const ever = this.#ever.get(key) ?? new Set();
      for (const value of values) ever.add(value);
      this.#ever.set(key, ever);
    }
  }

  #check(key: EtcdKey, value: string): void {
    if (!this.#ever.get(key)?.has(comparable(value))) {
      this.problems.push(`was written and never was: ${key} ${value}`);
    }
  }
}

async function runSocketHistory(seed: number): Promise<{ history: SocketHistory; convergedMs: number }> {
  const directory = join(temporaryDirectory(), 'store');
  const backend = await openEmbeddedStore({ directory, log: silentLog });
  const history = new SocketHistory(seed, backend);
  try {
    return { history, convergedMs: await history.run() };
  } finally {
    await backend.close();
  }
}

test(`${only ?? COUNT} histories on the whole announcer: once quiet, keys = what inspect says is ready`, async () => {
  const seeds = only === undefined ? Array.from({ length: COUNT }, (_, at) => at + 1) : [Number(only)];
  const convergedMs: number[] = [];
  const failures: string[] = [];
  const next = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const { history, convergedMs: ms } = await runSocketHistory(seed);
      convergedMs.push(ms);
      const told = [`history ${seed} (ROLLCALL_HISTORY_SEED=${seed}):`, ...history.problems, ...history.script.trace];
      if (only !== undefined) console.log(told.join('\n  '));
      if (history.problems.length > 0) failures.push(told.join('\n  '));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  convergedMs.sort((one, other) => one - other);
  const p = (share: number): string => (convergedMs[Math.floor(share * (convergedMs.length - 1))] ?? 0).toFixed(0);
  console.log(
    `quiet to keys = truth: p50 ${p(0.5)} ms, p99 ${p(0.99)} ms, max ${p(1)} ms (bound ${CONVERGED_WITHIN_MS} ms)`,
  );
  assert.is(failures.length, 0, `${failures.length} failed\n${failures[0]}`);
});

test.run();
