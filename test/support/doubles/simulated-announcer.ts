/** The announcer as `announcer/main.ts` puts it together, with a journal in memory and any engine: for virtual time. */
import { merge, Subscription } from 'rxjs';
import type { Machine } from '../../../announcer/checks/machine.ts';
import { desiredKeys, leasesOf } from '../../../announcer/decisions/desired.ts';
import type { EngineClient } from '../../../announcer/docker/engine/engine.ts';
import { followEngine } from '../../../announcer/docker/following/follow.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { EventLoop } from '../../../announcer/event-loop.ts';
import { Announce } from '../../../announcer/keys/announce.ts';
import { HostClaim } from '../../../announcer/keys/host-claim.ts';
import { StoreHealth } from '../../../announcer/keys/store-health.ts';
import type { AnnounceRules } from '../../../announcer/rules.ts';
import { World } from '../../../announcer/world.ts';
import type { Sequenced } from '../../../shared/journal/event.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Store } from '../../../shared/store.ts';

/** What of a journal the loop uses. It outlives a crash of the announcer. */
export class MemoryJournal {
  readonly events: AnnouncerEvent[] = [];
  #snapshot: { readonly sequence: number; readonly lines: readonly string[] } | undefined;

  append(event: AnnouncerEvent): number {
    return this.events.push(event);
  }

  async newestSnapshot() {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return undefined;
    return {
      sequence: snapshot.sequence,
      async *lines() {
        yield* snapshot.lines;
      },
    };
  }

  async snapshot(lines: readonly string[]): Promise<void> {
    this.#snapshot = { sequence: this.events.length, lines: [...lines] };
  }

  async *read({ fromSequence = 1 }: { fromSequence?: number }): AsyncGenerator<Sequenced<AnnouncerEvent>> {
    for (let at = fromSequence; at <= this.events.length; at += 1) {
      yield { sequence: at, event: this.events[at - 1] as AnnouncerEvent };
    }
  }
}

export interface SimulatedSettings {
  readonly client: EngineClient;
  readonly machine: Machine;
  readonly store: Store;
  readonly rules: AnnounceRules;
  readonly journal: MemoryJournal;
  readonly ttlSeconds: number;
  readonly domainPrefix: string;
  readonly compareMs: number;
  readonly startedAt: string;
}

export interface SimulatedAnnouncer {
  readonly loop: EventLoop;
  readonly announce: Announce;
  /** What ended it, when something did. */
  readonly error: unknown;
  /** Whether the engine is there, and all containers have been looked at since it came. */
  readonly isSynced: boolean;
  look(containers: readonly string[]): void;
  /** As `kill -9`. */
  crash(): void;
}

export async function startSimulated(settings: SimulatedSettings): Promise<SimulatedAnnouncer> {
  const { client, machine, rules, journal, ttlSeconds, domainPrefix, compareMs } = settings;
  const loop = new EventLoop(rules, journal as unknown as Journal<AnnouncerEvent>, silentLog);
  await loop.restore();
  const shards = leasesOf(loop.state);
  const left = {
    leases: new Map(shards.map(({ shard, lease }) => [shard, lease])),
    isOfOtherScope: false,
    keys: [...desiredKeys(loop.state).keys(), ...shards.flatMap(({ keys }) => keys)],
  };
  const health = new StoreHealth(settings.store);
  const host = rules.host.name;
  const announce = new Announce({ store: health.store, host, domainPrefix, ttlSeconds, compareMs, left });
  const engine = followEngine(client, { log: silentLog, nowMs: Date.now, resyncMs: compareMs });
  const world = new World({ engine, loop, rules, services: undefined, log: silentLog, machine });
  const [, announcer = ''] = rules.owner.split('/');
  const claimant = { host, owner: rules.owner, announcer, pid: 1, startedAt: settings.startedAt };
  const claim$ = new HostClaim({ store: health.store, claimant, ttlSeconds, compareMs }).state$(announce.doubt$);
  let error: unknown;
  const running = new Subscription();
  const fail = { error: (reason: unknown) => (error ??= reason) };
  running.add(merge(health.events$, announce.events$).subscribe((event) => loop.record(event)));
  running.add(announce.run({ wishes$: loop.wishes$, claim$, settled$: world.settled$ }).subscribe(fail));
  running.add(world.follow().subscribe(fail));
  return {
    loop,
    announce,
    get error() {
      return error;
    },
    get isSynced() {
      return world.engineStatus?.up === true && world.engineStatus.synced;
    },
    look: (containers) => {
      for (const container of containers) engine.look(container, 'recheck');
    },
    crash: () => running.unsubscribe(),
  };
}
