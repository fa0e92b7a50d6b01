/** What a fault is played on: an announcer as a process, a world that goes on changing, and a look at the store past the fault. */
import { setTimeout as wait } from 'node:timers/promises';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { Change, Store } from '../../../shared/store.ts';
import { changesSince } from '../../../test/support/changes-since.ts';
import { freePort } from '../../../test/support/servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from '../../../test/support/servers/rollcall.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { until } from '../../../test/support/until.ts';
import type { Figure } from '../announcer.ts';
import { ZONE } from '../servers.ts';
import type { World } from './world.ts';

export const TTL_SECONDS = 15;
export const TTL_MS = TTL_SECONDS * 1000;
const NAMES = '/skydns/com/example/prod/s/';
/** Keepalives go every third of the TTL: what a fault cost a lease is known after that. */
const KEEPALIVE_MS = TTL_MS / 3 + 1000;
const BACK_TIMEOUT_MS = 60_000;

/** How a fault was endured: the figure is the time until keys = what runs. */
export interface FaultFigure extends Figure {
  /** From the beginning of the fault on. One container has ended meanwhile and, where the engine lets it, one has started. */
  readonly puts: number;
  readonly deletes: number;
  readonly leasesLost: number;
}

export interface Fault {
  readonly name: string;
  readonly budgetMs: number;
  /** Endpoints through which the stage looks at etcd: none that the fault touches while it is looked at. */
  readonly lookThrough: readonly string[];
  begin(): Promise<void> | void;
  /** How long it lasts; undefined when what is measured is the time to catch up while it lasts. */
  readonly ms?: number;
  end(): Promise<void> | void;
}

export interface StageSettings {
  readonly world: World;
  /** Through which the announcer reaches etcd. */
  readonly endpoints: readonly string[];
  readonly dataDir?: string;
  readonly environment?: Record<string, string>;
}

export class FaultStage {
  readonly announcer: RollcallProcess;
  readonly http: number;
  readonly #world: World;

  private constructor(announcer: RollcallProcess, http: number, world: World) {
    this.announcer = announcer;
    this.http = http;
    this.#world = world;
  }

  /** Resolves when the announcer is ready. */
  static async open({ world, endpoints, dataDir, environment }: StageSettings): Promise<FaultStage> {
    const http = await freePort();
    const announcer = startRollcall(
      [
        ...['announcer', '--etcd', endpoints.join(','), '--docker', world.host, '--host-name', 'node-1'],
        ...['--private-ip', '127.0.0.1', '--domain', ZONE, '--lease-ttl', String(TTL_SECONDS)],
        ...['--data-dir', dataDir ?? temporaryDirectory(), '--http', `127.0.0.1:${http}`],
      ],
      environment,
    );
    await ready(http, BACK_TIMEOUT_MS);
    return new FaultStage(announcer, http, world);
  }

  async endure(fault: Fault): Promise<FaultFigure> {
    const store = openEtcdStore({ endpoints: fault.lookThrough, log: silentLog });
    try {
      await this.#caughtUp(store);
      const { revision } = await store.snapshot(NAMES);
      const lostBefore = this.#leasesLost();
      const backMs = await this.#play(fault, store);
      // What would still be lost is lost by then.
      await wait(KEEPALIVE_MS);
      await this.#caughtUp(store);
      const changes = await changesSince(store, NAMES, revision);
      return this.#figureOf(fault, backMs, changes, this.#leasesLost() - lostBefore);
    } finally {
      await store.close();
    }
  }

  async #play(fault: Fault, store: Store): Promise<number> {
    await fault.begin();
    await this.#world.change();
    if (fault.ms === undefined) {
      const backMs = await this.#caughtUp(store);
      await fault.end();
      return backMs;
    }
    await wait(fault.ms);
    await fault.end();
    return this.#caughtUp(store);
  }

  #figureOf(fault: Fault, backMs: number, changes: readonly Change[], leasesLost: number): FaultFigure {
    const puts = changes.filter(({ type }) => type === 'put').length;
    const deletes = changes.length - puts;
    const name = `${fault.name}: ${puts} puts, ${deletes} deletes, ${leasesLost} leases lost; keys = what runs`;
    console.log(`  ${name} after ${backMs.toFixed(0)} ms`);
    return { name, value: Math.round(backMs), unit: 'ms', budget: fault.budgetMs, puts, deletes, leasesLost };
  }

  async close(): Promise<void> {
    await this.announcer.end('SIGTERM');
  }

  async #caughtUp(store: Store): Promise<number> {
    const began = performance.now();
    await until('keys = what runs', async () => (await this.#standing(store)) === (await this.#running()), {
      timeoutMs: BACK_TIMEOUT_MS,
      everyMs: 20,
    });
    return performance.now() - began;
  }

  async #standing(store: Store): Promise<string> {
    const { entries } = await store.snapshot(NAMES);
    return entries
      .map(({ key }) => key.slice(key.lastIndexOf('/') + 1))
      .sort()
      .join();
  }

  async #running(): Promise<string> {
    return (await this.#world.running())
      .map((id) => id.slice(0, 12))
      .sort()
      .join();
  }

  #leasesLost(): number {
    return this.announcer.log().filter(({ event }) => event === 'lease-lost').length;
  }
}
