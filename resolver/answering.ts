import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { formatHostPort, type HostPort } from '../shared/address.ts';
import type { Log } from '../shared/log.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { OwnerName } from '../shared/name.ts';
import type { SteadyClock } from '../shared/steady-clock.ts';
import type { LeaseId } from '../shared/store.ts';
import type { ResolverConfig } from './config.ts';
import type { LiveZone } from './following/live-zone.ts';
import { isAllowed, PRIVATE_NETWORKS, parseNetwork } from './forwarding/allow.ts';
import { UpstreamForwarder } from './forwarding/forward.ts';
import { parseResolvConf } from './forwarding/resolv-conf.ts';
import { withoutSelf } from './forwarding/upstreams.ts';
import { type Availability, type LookupContext, type LookupSettings, lookup, soaOf } from './lookup/lookup.ts';
import { Answerer } from './serving/answerer.ts';
import type { AnswerListener, ToldOutside } from './serving/answerer-deps.ts';
import { RATE_LIMIT_DEFAULTS } from './serving/rate-limit.ts';
import { SERVER_SETTINGS } from './serving/server.ts';
import { machineAddresses } from './serving/udp/every-address.ts';
import { COMPILED_LIMITS } from './wire/compiled.ts';
import { Denials } from './wire/denials.ts';
import type { PastTold } from './wire/past.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** DNS flag day 2020: passes without fragments. */
const EDNS_UDP_OCTETS = 1232;
const SLOW_QUERIES_MAX = 4096;

export interface AnsweringDeps {
  readonly live: LiveZone;
  readonly clock: SteadyClock;
  /** When a lease runs out, by the clock; undefined while that is not known. */
  leaseDeadlineMs(lease: LeaseId): number | undefined;
  /** From the journal, which one process has. */
  tellPast(name: OwnerName): Promise<PastTold>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
  /** 16 octets (RFC 9018). */
  readonly cookieSecret: Uint8Array;
  readonly watch: AnswerListener;
}

/** What answers queries from a zone that someone keeps true: in this process, or in a worker. */
export class Answering {
  readonly answerer: Answerer;
  /** Undefined when there is nobody to ask. */
  readonly forwarder: UpstreamForwarder | undefined;
  readonly #config: ResolverConfig;
  readonly #deps: AnsweringDeps;

  constructor(config: ResolverConfig, deps: AnsweringDeps) {
    this.#config = config;
    this.#deps = deps;
    this.forwarder = this.#createForwarder();
    this.answerer = this.#createAnswerer();
  }

  /** @param told what the forwarder said to the question that is being answered, whether or not it still holds */
  context(told?: ToldOutside): LookupContext {
    const nowMs = this.#deps.clock.nowMs();
    return {
      nowMs,
      leaseDeadlineMs: (lease) => this.#deps.leaseDeadlineMs(lease),
      outside: (question) =>
        this.forwarder === undefined
          ? { addresses: [], validUntilMs: Number.POSITIVE_INFINITY }
          : (this.forwarder.cached(question) ?? told?.(question)),
      availability: this.#availability(nowMs),
    };
  }

  close(): void {
    this.forwarder?.close();
  }

  #availability(nowMs = this.#deps.clock.nowMs()): Availability {
    return this.#deps.live.availability(nowMs, this.#config.maxStaleMs);
  }

  #createAnswerer(): Answerer {
    const config = this.#config;
    const { live, clock, version, cookieSecret, watch } = this.#deps;
    const settings: LookupSettings = config;
    return new Answerer({
      lookup: (question, told) => lookup(live.zone, question, settings, this.context(told)),
      denials: new Denials(settings, () => live.zone.tree),
      soa: (zone) => soaOf(zone, settings, live.zone.revision, this.#availability()),
      revision: () => live.zone.revision,
      forwarder: this.forwarder,
      mayForward: (address) => isAllowed(address, config.allowForward),
      mayAskPast: (address) => isAllowed(address, config.pastClients),
      tellPast: (name) => this.#deps.tellPast(name),
      availability: (nowMs) => this.#availability(nowMs),
      nowMs: clock.nowMs,
      wallMs: Date.now,
      watch,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      settings: {
        serverId: hostname(),
        version: `rollcall ${version}`,
        chaos: config.chaos,
        rotate: config.rotate,
        ednsUdpOctets: EDNS_UDP_OCTETS,
        rateLimit: {
          ...RATE_LIMIT_DEFAULTS,
          responsesPerSecond: config.rateLimit,
          exempt: PRIVATE_NETWORKS.flatMap((text) => parseNetwork(text) ?? []),
        },
        cookieSecret,
        tcpIdleMs: SERVER_SETTINGS.tcp.idleMs,
        slowQueriesMax: SLOW_QUERIES_MAX,
        compiled: COMPILED_LIMITS,
      },
    });
  }

  /** Undefined when there is nobody to ask. */
  #createForwarder(): UpstreamForwarder | undefined {
    const { clock, log, metrics } = this.#deps;
    const { forward, listen, stubs } = this.#config;
    const machine = machineAddresses();
    const prune = (servers: readonly HostPort[], whose: string): readonly HostPort[] => {
      const { kept, dropped } = withoutSelf(servers, listen, machine);
      if (dropped.length > 0) {
        const list = dropped.map(formatHostPort).join(', ');
        log.warn(
          'upstream-is-self',
          `${list} of ${whose} is this server itself; left out, for forwarding there would never end`,
        );
      }
      return kept;
    };
    const upstreams = forward === 'system' ? prune(this.#systemUpstreams(), RESOLV_CONF) : prune(forward, '--forward');
    const stubZones = stubs.map(({ zone, servers }) => ({ zone, servers: prune(servers, `--stub ${zone}`) }));
    if (upstreams.length === 0 && stubZones.every(({ servers }) => servers.length === 0)) {
      const why = forward !== 'system' && forward.length === 0 ? '--forward none' : 'no upstream is left';
      log.info('forward-off', `${why}: names outside the zones are refused`);
      return undefined;
    }
    return new UpstreamForwarder({ upstreams, stubs: stubZones }, { log, metrics, now: clock.nowMs });
  }

  #systemUpstreams(): readonly HostPort[] {
    try {
      return parseResolvConf(readFileSync(RESOLV_CONF, 'utf8'));
    } catch (error) {
      const message = `${RESOLV_CONF} cannot be read (${(error as Error).message}); name upstreams with --forward`;
      this.#deps.log.warn('resolv-conf-unreadable', message);
      return [];
    }
  }
}
