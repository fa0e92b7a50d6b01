/** Edge: the name of one process in the store, under a lease and a claim of its own. */
import { BehaviorSubject, merge, of, type Subscription } from 'rxjs';
import { StartError } from '../../shared/component.ts';
import type { Log } from '../../shared/log.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { ServiceRecord } from '../../shared/record.ts';
import type { Store } from '../../shared/store.ts';
import { Announce } from '../keys/announce.ts';
import type { WishReason } from '../keys/causes.ts';
import type { Wish } from '../keys/holdings.ts';
import { HostClaim } from '../keys/host-claim.ts';
import { withOptionalCauses } from '../keys/optional-causes.ts';
import { StoreHealth } from '../keys/store-health.ts';
import { announcedValue } from '../naming/value.ts';
import { logLineOf, sayCauses, writeRefused } from '../report/log-events.ts';
import { owningOf } from './run-owner.ts';

export interface ProcessAnnouncementSettings {
  readonly store: Store;
  /** The label of the host in the key. */
  readonly host: string;
  readonly service: string;
  /** The last label of the key. */
  readonly instance: string;
  readonly key: EtcdKey;
  /** Without owner and time. */
  readonly record: ServiceRecord;
  readonly ttlSeconds: number;
  /** Tells this process from another one with the same instance label; random. */
  readonly id: string;
  readonly log: Log;
}

const COMPARE_MS = 60_000;

/** Announces one process while it is ready; the machinery is the announcer's, with the process in the place of the host. */
export class ProcessAnnouncement {
  readonly #settings: ProcessAnnouncementSettings;
  readonly #announce: Announce;
  readonly #claim: HostClaim;
  readonly #wishes: BehaviorSubject<() => Wish>;
  readonly #work: Subscription;
  readonly #reports: Subscription;
  readonly #owner: string;
  #value: string | undefined;
  #reason: WishReason | undefined;

  constructor(settings: ProcessAnnouncementSettings) {
    const { store, host, key, ttlSeconds, id, log } = settings;
    const owning = owningOf(settings);
    this.#settings = settings;
    this.#owner = `${owning}/${id}`;
    const health = new StoreHealth(
      withOptionalCauses({
        store,
        nowMs: () => performance.now(),
        onChange: (isDenied, message) => sayCauses(log, isDenied, message),
      }),
    );
    this.#announce = new Announce({
      store: health.store,
      host,
      owning,
      domainPrefix: key.slice(0, key.lastIndexOf('/') + 1),
      ttlSeconds,
      compareMs: COMPARE_MS,
      left: { leases: new Map(), isOfOtherScope: false, keys: [] },
    });
    this.#wishes = new BehaviorSubject(() => this.#wish());
    this.#reports = merge(health.events$, this.#announce.events$).subscribe((event) => {
      const line = logLineOf(event);
      if (line !== undefined) log[line.level](line.event, line.message, line.fields);
    });
    this.#reports.add(this.#announce.refusals$.subscribe((reason) => log.error('write-refused', writeRefused(reason))));
    const claimant = {
      host: owning,
      owner: this.#owner,
      announcer: id,
      pid: process.pid,
      startedAt: new Date().toISOString(),
    };
    this.#claim = new HostClaim({ store: health.store, claimant, ttlSeconds, compareMs: COMPARE_MS });
    const claim$ = this.#claim.state$(this.#announce.doubt$);
    this.#work = this.#announce
      .run({ wishes$: this.#wishes, claim$, settled$: of(true) })
      .subscribe({ error: (error: unknown) => this.#giveUp(error) });
  }

  /** @param detail what the check found, for the log */
  setReady(isReady: boolean, detail: string): void {
    const { record, service, log } = this.#settings;
    if (isReady === (this.#value !== undefined)) {
      if (!isReady) log.info('process-held', `not announcing ${service} yet: ${detail}`);
      return;
    }
    const atMs = Date.now();
    this.#value = isReady ? announcedValue({ ...record, owner: this.#owner }, atMs) : undefined;
    this.#reason = { cause: detail, causedAtMs: atMs, decidedAtMs: atMs };
    const { host = '', port } = record;
    const where = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (isReady) log.info('process-announced', `announcing ${where} as ${service}: ${detail}`);
    else log.info('process-withdrawn', `withdrawing ${service}: ${detail}`);
    this.#wishes.next(() => this.#wish());
  }

  /** Takes the name away for good, within 4 s; what the store does not confirm by then goes with its lease. */
  async withdraw(): Promise<void> {
    const { log, ttlSeconds } = this.#settings;
    this.#work.unsubscribe();
    const failures = await this.#announce.withdraw(() => this.#claim.release());
    this.#reports.unsubscribe();
    if (failures.length === 0) return;
    log.warn(
      'withdraw-incomplete',
      `the name could not be taken away; it goes within ${ttlSeconds} s, with its lease`,
      {
        failures,
      },
    );
  }

  /** As when this process were killed: nothing is given back. For tests. */
  abandon(): void {
    this.#work.unsubscribe();
    this.#reports.unsubscribe();
  }

  /** The process goes on without a name: ending it would make a fault of ours one of its own. */
  #giveUp(error: unknown): void {
    if (!(error instanceof StartError)) throw error;
    const { log, service, host, instance } = this.#settings;
    log.error(
      'run-not-announced',
      `instance ${instance} of ${service} on ${host} has no name, and its process runs on: ${error.message}; where another rollcall run announces that instance, give each its own --instance`,
    );
  }

  #wish(): Wish {
    const { key } = this.#settings;
    const desired = this.#value === undefined ? new Map() : new Map([[key, this.#value]]);
    return { desired, changed: [key], reasons: new Map([[key, this.#reason]]) };
  }
}
