/** An Answerer over a real zone, without sockets. */
import { decode } from 'dns-packet';
import { lookup, soaOf } from '../../resolver/lookup/lookup.ts';
import type { Availability, LookupContext, LookupSettings } from '../../resolver/lookup/settings.ts';
import { Answerer, ASK_SLOWLY, type ClientInfo } from '../../resolver/serving/answerer.ts';
import type { AnswererDeps, AnswererSettings } from '../../resolver/serving/answerer-deps.ts';
import { COMPILED_LIMITS } from '../../resolver/wire/compiled.ts';
import { Denials } from '../../resolver/wire/denials.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { evolve, type Zone } from '../../resolver/zone/zone.ts';
import { CONTEXT, NOW_MS, SETTINGS } from './lookup-table.ts';
import { type Ask, queryOctets } from './servers/dns-client.ts';
import { zoneFrom } from './zone-text.ts';

export const ANSWERER_SETTINGS: AnswererSettings = {
  serverId: 'node-1',
  version: 'rollcall test',
  chaos: true,
  rotate: true,
  ednsUdpOctets: 1232,
  rateLimit: { responsesPerSecond: 0, slip: 2, exempt: [] },
  cookieSecret: Buffer.from('e5e973e5a6b2a43f48e7dc849e37bfcf', 'hex'),
  tcpIdleMs: 10_000,
  slowQueriesMax: 100,
  compiled: COMPILED_LIMITS,
};

export const UDP_CLIENT: ClientInfo = { address: '192.0.2.99', port: 5353, transport: 'udp' };
export const TCP_CLIENT: ClientInfo = { ...UDP_CLIENT, transport: 'tcp' };

export interface Answering {
  readonly answerer: Answerer;
  readonly zone: Zone;
  /** To be changed by the test. */
  nowMs: number;
  availability: Availability;
  /** Lookups made: answers that were not compiled yet. */
  lookups: number;
  /** Applies an event, and drops what it affects. */
  apply(event: ZoneEvent): void;
  /** The response at once; undefined for silence. Throws when it must be asked slowly. */
  ask(ask: Ask | Uint8Array, client?: ClientInfo): Buffer | undefined;
}

/** @param zoneText see `zone-text.ts`; or a zone, to look at the same one twice */
export function answering(
  zoneText: string | Zone,
  {
    settings = {},
    lookupSettings = {},
    context = {},
    deps = {},
  }: {
    settings?: Partial<AnswererSettings>;
    lookupSettings?: Partial<LookupSettings>;
    context?: Partial<LookupContext>;
    deps?: Partial<AnswererDeps>;
  } = {},
): Answering {
  const zone = typeof zoneText === 'string' ? zoneFrom(zoneText) : zoneText;
  const forLookup = { ...SETTINGS, ...lookupSettings };
  const out = Buffer.alloc(65_535);
  const state: { -readonly [K in keyof Answering]: Answering[K] } = {
    zone,
    nowMs: NOW_MS,
    availability: 'live',
    lookups: 0,
    answerer: undefined as unknown as Answerer,
    apply(event) {
      state.answerer.changed(evolve(zone, event));
    },
    ask(ask, client = UDP_CLIENT) {
      const query = ask instanceof Uint8Array ? ask : queryOctets(ask);
      const length = state.answerer.answer(query, query.length, client, out);
      if (length === ASK_SLOWLY) throw new Error('must be asked slowly');
      return length === 0 ? undefined : Buffer.from(out.subarray(0, length));
    },
  };
  state.answerer = new Answerer({
    lookup: (question, told) => {
      state.lookups += 1;
      return lookup(zone, question, forLookup, {
        ...CONTEXT,
        outside: (each) => deps.forwarder?.cached(each) ?? told?.(each),
        ...context,
        nowMs: state.nowMs,
        availability: state.availability,
      });
    },
    denials: new Denials(forLookup, () => zone.tree),
    soa: (apex) => soaOf(apex, forLookup, zone.revision, state.availability),
    revision: () => zone.revision,
    forwarder: undefined,
    mayForward: () => true,
    mayAskPast: () => false,
    tellPast: () => Promise.reject(new Error('no past was given')),
    availability: () => state.availability,
    nowMs: () => state.nowMs,
    random: () => 0.5,
    ...deps,
    settings: { ...ANSWERER_SETTINGS, ...settings },
  });
  return state;
}

/** As `ask`, decoded by dns-packet. */
export function askDecoded(on: Answering, ask: Ask | Uint8Array, client?: ClientInfo) {
  const response = on.ask(ask, client);
  if (response === undefined) throw new Error('no response');
  return decode(response);
}
