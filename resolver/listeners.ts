import type { HostPort } from '../shared/address.ts';
import type { OwnerName } from '../shared/name.ts';
import type { LeaseId } from '../shared/store.ts';
import type { FollowStep } from './following/follow.ts';
import type { Answerer } from './serving/answerer.ts';
import { type DnsServer, findAddresses, SERVER_SETTINGS, serveDns } from './serving/server.ts';
import { type SystemCalls, systemCalls } from './serving/udp/system-calls.ts';
import { type PoolSettings, WorkerPool } from './workers/pool.ts';

/** What workers are given, and who answers when there are none. */
export type ListenersSettings = Omit<PoolSettings, 'listen'> & { readonly answerer: Answerer };

/** The sockets that DNS is answered on: this process's own, or those of its workers. */
export class Listeners {
  readonly #settings: ListenersSettings;
  #server: DnsServer | undefined;
  #workers: WorkerPool | undefined;

  constructor(settings: ListenersSettings) {
    this.#settings = settings;
  }

  /** @returns where it answers, with the ports that were found for port 0 */
  async start(): Promise<readonly HostPort[]> {
    const { answerer, config, log, metrics } = this.#settings;
    const settings = { ...SERVER_SETTINGS, systemCalls: this.#systemCalls() };
    if (config.workers === 1) {
      this.#server = await serveDns(config.listen, answerer, settings, log, metrics);
      return this.#server.addresses;
    }
    const listen = await findAddresses(config.listen, answerer, settings);
    this.#workers = new WorkerPool({ ...this.#settings, listen });
    await this.#workers.start();
    return listen;
  }

  /** Process ids of the workers that answer; none when this process does. */
  get workerPids(): readonly number[] {
    return this.#workers?.pids ?? [];
  }

  /** For the zones of the workers: what was learned of the store, and of a lease's time. */
  step(step: FollowStep): void {
    this.#workers?.step(step);
  }

  lease(lease: LeaseId, deadlineMs: number, names: readonly OwnerName[]): void {
    this.#workers?.lease(lease, deadlineMs, names);
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.#workers?.stop();
  }

  /** The workers come to the same, on the same machine. */
  #systemCalls(): SystemCalls | undefined {
    const { config, log } = this.#settings;
    const loaded = systemCalls(config.udpBatch);
    if (loaded.ok) {
      log.info('udp-batched', 'UDP: many datagrams are read and sent in one system call');
      return loaded.calls;
    }
    log.info('udp-one-by-one', `UDP: datagrams are read and sent one by one: ${loaded.reason}`);
    return undefined;
  }
}
