import { BehaviorSubject, merge, NEVER, of, type Subscription } from 'rxjs';
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { Announce } from '../../announcer/keys/announce.ts';
import type { DesiredKeys, Wish } from '../../announcer/keys/holdings.ts';
import { type ClaimState, HostClaim } from '../../announcer/keys/host-claim.ts';
import { StoreHealth } from '../../announcer/keys/store-health.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { encodeRecord } from '../../shared/record.ts';
import type { LeaseId, Store } from '../../shared/store.ts';
import { until } from './until.ts';

export const DOMAIN_PREFIX = '/skydns/org/example/';

export interface AnnouncingOptions {
  readonly host?: string;
  /** Announcer id. */
  readonly announcer?: string;
  readonly startedAt?: string;
  readonly ttlSeconds?: number;
  readonly compareMs?: number;
  readonly leases?: ReadonlyMap<number, LeaseId>;
  readonly claimed?: Iterable<EtcdKey>;
  readonly isOfOtherScope?: boolean;
  readonly desired?: DesiredKeys;
  /** False: nothing unclaimed may be removed. */
  readonly settled?: boolean;
}

/** The store's side of an announcer, without Docker: what it is told to want, and what it says that it did. */
export interface Announcing {
  readonly owner: string;
  readonly events: readonly AnnouncerEvent[];
  readonly claim: ClaimState;
  readonly announce: Announce;
  /** What ended it, when something did. */
  readonly error: unknown;
  /** @param reasons by key: what was concluded */
  want(desired: DesiredKeys, reasons?: Wish['reasons']): void;
  of<T extends AnnouncerEvent['type']>(type: T): Extract<AnnouncerEvent, { type: T }>[];
  /** Resolves when nothing is left to write. */
  settled(): Promise<void>;
  /** Leases as they stand now, by shard: what a journal would hold. */
  leases(): ReadonlyMap<number, LeaseId>;
  /** As `kill -9`: nothing is given back. Also what a hand-over does. */
  abandon(): void;
  /** As SIGTERM. */
  withdraw(): Promise<readonly string[]>;
}

export function startAnnouncing(store: Store, options: AnnouncingOptions = {}): Announcing {
  const { host = 'node-1', announcer = 'aaaaaaaaaaaa', ttlSeconds = 15, compareMs = 60_000 } = options;
  const owner = `${host}/${announcer}`;
  const health = new StoreHealth(store);
  const announce = new Announce({
    store: health.store,
    host,
    domainPrefix: DOMAIN_PREFIX,
    ttlSeconds,
    compareMs,
    left: {
      leases: options.leases ?? new Map(),
      isOfOtherScope: options.isOfOtherScope ?? false,
      keys: options.claimed ?? [],
    },
  });
  const claimant = {
    host,
    owner,
    announcer,
    pid: process.pid,
    startedAt: options.startedAt ?? new Date().toISOString(),
  };
  const claim = new HostClaim({ store: health.store, claimant, ttlSeconds, compareMs });
  const claim$ = claim.state$(announce.doubt$);
  let desired: DesiredKeys = options.desired ?? new Map();
  const changed = new Set(desired.keys());
  let reasons: NonNullable<Wish['reasons']> = new Map();
  const wish = (): Wish => {
    const keys = [...changed];
    changed.clear();
    return { desired, changed: keys, reasons };
  };
  const wishes$ = new BehaviorSubject(wish);
  const events: AnnouncerEvent[] = [];
  let error: unknown;
  const settled$ = options.settled === false ? NEVER : of(true);
  merge(health.events$, announce.events$).subscribe((event) => events.push(event));
  const running: Subscription = announce.run({ wishes$, claim$, settled$ }).subscribe({
    error: (reason: unknown) => {
      error = reason;
    },
  });
  return {
    owner,
    events,
    announce,
    get claim() {
      return announce.claim;
    },
    get error() {
      return error;
    },
    want: (next, why = new Map()) => {
      reasons = why;
      for (const key of [...desired.keys(), ...next.keys()]) changed.add(key);
      desired = next;
      wishes$.next(wish);
    },
    of: (type) =>
      events.filter((event): event is Extract<AnnouncerEvent, { type: typeof type }> => event.type === type),
    settled: async () => {
      await until('everything to be written', () => announce.writer.isSettled, { everyMs: 5 });
    },
    leases: () => {
      const { leases } = announce.writer;
      return new Map(leases.shards().map((shard) => [shard, leases.get(shard) as LeaseId]));
    },
    abandon: () => running.unsubscribe(),
    withdraw: () => {
      running.unsubscribe();
      return announce.withdraw(() => claim.release());
    },
  };
}

export function keyOfInstance(instance: number | string, host = 'node-1', service = 'web'): EtcdKey {
  return `${DOMAIN_PREFIX}${service}/${host}/${instance}` as EtcdKey;
}

/** A wish for instances of `web`. @param port tells one version of the values from another */
export function wishFor(instances: Iterable<number>, port = 80, owner = 'node-1/aaaaaaaaaaaa'): Map<EtcdKey, string> {
  const [host = ''] = owner.split('/');
  return new Map(
    [...instances].map((instance) => [
      keyOfInstance(instance, host),
      encodeRecord({ host: `192.0.2.${instance % 250}`, port, owner }),
    ]),
  );
}

/** Key to value of everything below the domain. */
export async function storedIn(store: Store): Promise<Map<EtcdKey, string>> {
  const { entries } = await store.snapshot(DOMAIN_PREFIX);
  return new Map(entries.map(({ key, value }) => [key, value]));
}

/** The first `count` whole numbers. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}
