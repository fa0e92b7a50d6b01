/** Edge: the name of one process in the store, under a lease and a claim of its own. */
import { BehaviorSubject, merge, of, type Subscription } from 'rxjs';
import { StartError } from '../../shared/component.ts';
import type { Log } from '../../shared/log.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { ServiceRecord } from '../../shared/record.ts';
import type { Store } from '../../shared/store.ts';
import { Announce } from '../keys/announce.ts';
import type { Wish } from '../keys/holdings.ts';
import { HostClaim } from '../keys/host-claim.ts';
import { StoreHealth } from '../keys/store-health.ts';
import { announcedValue } from '../naming/value.ts';
import { logLineOf, writeRefused } from '../report/log-events.ts';

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

/**
 * What owns the key of a `rollcall run`: never `<host>/…`, which the host's announcer takes for its own and would remove
 * as unclaimed. No host label holds a `+`.
 */
export function owningOf({ host, service, instance }: { host: string; service: string; instance: string }): string {
  return `${host}+run/${service}/${instance}`;
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

  constructor(settings: ProcessAnnouncementSettings) {
    const { store, host, key, ttlSeconds, id, log } = settings;
    const owning = owningOf(settings);
    this.#settings = settings;
    this.#owner = `${owning}/${id}`;
    const health = new StoreHealth(store);
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
    this.#claim = new HostClaim({ store: health.store, claimant, ttlSeconds });
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
    this.#value = isReady ? announcedValue({ ...record, owner: this.#owner }, Date.now()) : undefined;
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
    return { desired: this.#value === undefined ? new Map() : new Map([[key, this.#value]]), changed: [key] };
  }
}
