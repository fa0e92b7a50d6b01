/** Edge: the nameservers of a resolv.conf(5), followed. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import { printOf, printOfSync } from '../../shared/file-print.ts';
import type { Log } from '../../shared/log.ts';
import { parseResolvConf } from './resolv-conf.ts';

export interface SystemUpstreamsSettings {
  readonly path: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Those that can be asked. */
  usable(servers: readonly HostPort[]): readonly HostPort[];
  /** The file has other servers than before. */
  onChanged(servers: readonly HostPort[]): void;
  readonly lookEveryMs?: number;
}

/**
 * How often the file is looked at. Asking the path sees what a watch on a file does not: another file renamed over it, and a
 * link set elsewhere. A change is taken once it has stood for one look, so that a file that is being written is not read half.
 */
const LOOK_EVERY_MS = 2_000;
const UNREADABLE = 'unreadable';

/** A host whose network changes gets other nameservers (DHCP, a VPN). When the file names none that can be asked, the last ones stand. */
export class SystemUpstreams {
  readonly #settings: SystemUpstreamsSettings;
  #servers: readonly HostPort[] = [];
  /** Of the file that was read last, and of the one seen at the last look. */
  #readPrint = '';
  #seenPrint = '';
  /** Said last; the same is not said again. */
  #complaint = '';
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: SystemUpstreamsSettings) {
    this.#settings = settings;
  }

  /** Reads the file, and looks at it from then on. @returns its servers that can be asked; what is wrong with it is said */
  start(): readonly HostPort[] {
    const { path, lookEveryMs = LOOK_EVERY_MS } = this.#settings;
    try {
      this.#readPrint = printOfSync(path);
      this.#seenPrint = this.#readPrint;
      this.#servers = this.#settings.usable(parseResolvConf(readFileSync(path, 'utf8')));
    } catch (error) {
      this.#readPrint = UNREADABLE;
      this.#seenPrint = UNREADABLE;
      this.#complain(`cannot be read (${(error as Error).message})`);
    }
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
    this.#timer.unref();
    return this.#servers;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const print = await printOf(this.#settings.path).catch(() => UNREADABLE);
      const stands = print === this.#seenPrint;
      this.#seenPrint = print;
      if (!stands || print === this.#readPrint) return;
      const text = await readFile(this.#settings.path, 'utf8');
      if (this.#timer === undefined) return;
      this.#take(parseResolvConf(text));
      this.#readPrint = print;
    } catch (error) {
      this.#complain(`cannot be read (${(error as Error).message})`);
    } finally {
      this.#isLooking = false;
    }
  }

  #take(named: readonly HostPort[]): void {
    const { path, log, usable, onChanged } = this.#settings;
    const servers = usable(named);
    if (servers.length === 0) {
      this.#complain('names no server that can be asked');
      return;
    }
    this.#complaint = '';
    const [before, now] = [this.#servers, servers].map((each) => each.map(formatHostPort).join(', '));
    if (now === before) return;
    this.#servers = servers;
    log.info(
      'upstreams-changed',
      `${path} names other servers: names outside the zones are asked of ${now}, no longer of ${before || 'nobody'}`,
    );
    onChanged(servers);
  }

  #complain(what: string): void {
    if (what === this.#complaint) return;
    this.#complaint = what;
    const { path, log } = this.#settings;
    const still = this.#servers.map(formatHostPort).join(', ');
    const then = still === '' ? 'names outside the zones are refused' : `${still} are asked on, until the next start`;
    log.warn('resolv-conf-unusable', `${path} ${what}: ${then}; name upstreams with --forward`);
  }
}
