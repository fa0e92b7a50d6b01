import { randomInt } from 'node:crypto';
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
import { type StubZone, UpstreamForwarder } from './forwarding/forward.ts';
import { SystemUpstreams } from './forwarding/system-upstreams.ts';
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
  readonly #config: ResolverConfig;
  readonly #deps: AnsweringDeps;
  readonly #systemUpstreams: SystemUpstreams;
  #forwarder: UpstreamForwarder | undefined;

  constructor(config: ResolverConfig, deps: AnsweringDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#systemUpstreams = new SystemUpstreams({
      path: RESOLV_CONF,
      log: deps.log,
      usable: (servers) => this.#withoutSelf(servers, RESOLV_CONF),
      onChanged: (servers) => this.#useUpstreams(servers),
    });
    this.#forwarder = this.#createForwarder();
    this.answerer = this.#createAnswerer();
  }

  /** Undefined while there is nobody to ask. */
  get forwarder(): UpstreamForwarder | undefined {
    return this.#forwarder;
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
    this.#systemUpstreams.stop();
    this.forwarder?.close();
  }

  #availability(nowMs = this.#deps.clock.nowMs()): Availability {
    return this.#deps.live.availability(nowMs, this.#config.maxStaleMs);
  }

  #createAnswerer(): Answerer {
    const config = this.#config;
    const { live, clock, version, cookieSecret, watch } = this.#deps;
    const settings: LookupSettings = config;
    const forwarder = (): UpstreamForwarder | undefined => this.#forwarder;
    return new Answerer({
      lookup: (question, told) => lookup(live.zone, question, settings, this.context(told)),
      denials: new Denials(settings, () => live.zone.tree),
      soa: (zone) => soaOf(zone, settings, live.zone.revision, this.#availability()),
      revision: () => live.zone.revision,
      get forwarder() {
        return forwarder();
      },
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
    const { forward, stubs } = this.#config;
    const upstreams = forward === 'system' ? this.#systemUpstreams.start() : this.#withoutSelf(forward, '--forward');
    const stubZones = stubs.map(({ zone, servers }) => ({
      zone,
      servers: this.#withoutSelf(servers, `--stub ${zone}`),
    }));
    if (upstreams.length === 0 && stubZones.every(({ servers }) => servers.length === 0)) {
      const why = forward !== 'system' && forward.length === 0 ? '--forward none' : 'no upstream is left';
      const until = forward === 'system' ? ` until ${RESOLV_CONF} names a server` : '';
      this.#deps.log.info('forward-off', `${why}: names outside the zones are refused${until}`);
      return undefined;
    }
    return this.#forwarderTo(upstreams, stubZones);
  }

  #forwarderTo(upstreams: readonly HostPort[], stubs: readonly StubZone[]): UpstreamForwarder {
    const { clock, log, metrics } = this.#deps;
    return new UpstreamForwarder({ upstreams, stubs }, { log, metrics, now: clock.nowMs });
  }

  #useUpstreams(upstreams: readonly HostPort[]): void {
    if (this.#forwarder !== undefined) this.#forwarder.useUpstreams(upstreams);
    else this.#forwarder = this.#forwarderTo(upstreams, []);
    this.answerer.upstreamsChanged();
  }

  #withoutSelf(servers: readonly HostPort[], whose: string): readonly HostPort[] {
    const { kept, dropped } = withoutSelf(servers, this.#config.listen, machineAddresses());
    if (dropped.length > 0) {
      const list = dropped.map(formatHostPort).join(', ');
      this.#deps.log.warn(
        'upstream-is-self',
        `${list} of ${whose} is this server itself; left out, for forwarding there would never end`,
      );
    }
    return kept;
  }
}
