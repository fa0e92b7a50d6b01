import type { HostPort } from '../shared/address.ts';
import { isWithin, type OwnerName, parseName } from '../shared/name.ts';
import {
  choiceSetting,
  integerSetting,
  listSetting,
  readAs,
  SettingError,
  secondsSetting,
  setting,
  switchSetting,
  type ValuesOf,
} from '../shared/settings.ts';
import { type Network, PRIVATE_NETWORKS, parseNetwork } from './forwarding/allow.ts';
import type { StubZone } from './forwarding/forward.ts';
import { reverseZonesOf } from './lookup/records/reverse-name.ts';
import { RATE_LIMIT_DEFAULTS } from './serving/rate-limit.ts';

/** As `--domain` of the announcer, so that one pair of processes works without either flag. */
export const DEFAULT_ZONE = parseName('s.prod.example.com');
const DNS_PORT = 53;
const PAST_CLIENTS_DEFAULT = ['127.0.0.0/8', '::1/128'];
const LISTEN_DEFAULT: HostPort = { host: '127.0.0.1', port: 5300 };

/** The resolver's own settings; `shared/common-settings.ts` has those of every daemon. */
export const resolverSettings = {
  zone: listSetting<readonly OwnerName[]>({
    flag: 'zone',
    placeholder: 'NAME|NET',
    help: 'Answer for this name and all below it; again for further zones. A network (10.0.0.0/24) stands for its reverse zones, 0.0.10.in-addr.arpa here. Names outside are forwarded.',
    defaultText: 'in `up` the domain of --domain, else s.prod.example.com',
    read: readZone,
    absent: (): readonly (readonly OwnerName[])[] => [],
  }),
  listen: listSetting({
    flag: 'listen',
    placeholder: 'ADDRESS:PORT',
    help: 'Answer DNS here, UDP and TCP; again for further addresses. Containers need an address they can reach, as that of the bridge. 0.0.0.0 and [::] are every address of the machine.',
    defaultText: '127.0.0.1:5300',
    read: (text) => readAs.hostPort(text, LISTEN_DEFAULT.port),
    absent: () => [LISTEN_DEFAULT],
  }),
  defaultTtl: secondsSetting({
    flag: 'default-ttl',
    help: 'TTL of a record that has neither one of its own nor a lease. Lower follows a change sooner, higher asks less often.',
    default: 5,
    min: 0,
    max: 86_400,
  }),
  negativeTtl: secondsSetting({
    flag: 'negative-ttl',
    help: 'How long others may remember that a name does not exist (the SOA minimum). Lower finds a new service sooner.',
    default: 5,
    min: 0,
    max: 10_800,
    why: 'RFC 2308 §5: more than three hours is known to cause trouble',
  }),
  maxStale: secondsSetting({
    flag: 'max-stale',
    help: 'How long the last known zone answers while the store is away; after that SERVFAIL. Higher rides out longer outages with older addresses.',
    default: 3600,
    min: 0,
    max: 30 * 86_400,
  }),
  forward: listSetting<HostPort | 'none'>({
    flag: 'forward',
    placeholder: 'ADDRESS[:PORT],…|none',
    help: 'Ask these servers for names outside the zones, the first that answers; none refuses such names.',
    defaultText: 'the nameservers of /etc/resolv.conf that are not this server, also when they change',
    read: (text) => (text.toLowerCase() === 'none' ? 'none' : readServer(text)),
    absent: (): readonly HostPort[] => [],
  }),
  allowForward: listSetting({
    flag: 'allow-forward',
    placeholder: 'NET,…',
    help: 'Forward only for clients in these networks; others are refused. Wider than your own networks makes an open resolver, which others abuse.',
    defaultText: `loopback and private ranges (${PRIVATE_NETWORKS.join(', ')})`,
    read: readNetwork,
    absent: (): readonly Network[] => PRIVATE_NETWORKS.map(readNetwork),
  }),
  stub: listSetting({
    flag: 'stub',
    placeholder: 'ZONE=ADDRESS[:PORT]',
    help: 'Ask this server for names at and below ZONE; again for further servers or zones. For a company zone that the upstreams do not know.',
    defaultText: 'none',
    read: readStub,
    absent: (): readonly { readonly zone: OwnerName; readonly server: HostPort }[] => [],
  }),
  local: setting<OwnerName | undefined>({
    flag: 'local',
    placeholder: 'NAME',
    help: 'local.dns.<zone> answers as this name does: the services of this host, under one name on every host.',
    defaultText: 'none',
    read: readAs.name,
    absent: () => undefined,
  }),
  nsName: setting<OwnerName | undefined>({
    flag: 'ns-name',
    placeholder: 'NAME',
    help: 'Name of this server in NS when none is registered below ns.dns.<zone>. The SOA always says ns.dns.<zone>.',
    defaultText: 'ns.dns.<zone>',
    read: readAs.name,
    absent: () => undefined,
  }),
  srvWeights: choiceSetting({
    flag: 'srv-weights',
    help: 'percent scales the weights of a service to 100, as SkyDNS does; raw sends them as stored, so that one instance joining does not change the SRV of every other (nginx matches peers by it).',
    choices: ['percent', 'raw'],
    default: 'percent',
  }),
  noRotate: switchSetting({
    flag: 'no-rotate',
    help: 'Give addresses and SRV records in the order of their keys, the same in each answer. Clients that take the first then all take the same.',
  }),
  legacyApex: switchSetting({
    flag: 'legacy-apex',
    help: 'Answer A and AAAA of a zone itself with every address in it, as CoreDNS does, when nothing stands at apex.dns.<zone>. The answer grows with the zone.',
  }),
  rateLimit: integerSetting({
    flag: 'rate-limit',
    placeholder: 'N',
    help: 'UDP responses a second to one client network outside the private ranges (IPv4 /24, IPv6 /56); 0 for no limit. Every other response over it is sent empty with TC, so that a real client comes again by TCP. Lower protects victims of forged questions better.',
    default: RATE_LIMIT_DEFAULTS.responsesPerSecond,
    min: 0,
    max: 1_000_000,
  }),
  noChaos: switchSetting({
    flag: 'no-chaos',
    help: 'Refuse version.bind, hostname.bind and their like (class CH), which tell strangers what runs here.',
  }),
  pastClients: listSetting<Network | 'none'>({
    flag: 'past-clients',
    placeholder: 'NET,…|none',
    help: 'Tell clients in these networks what was answered in the past (dig CH TXT 14-32.srv.web.at.rollcall); none tells nobody. Each question reads the journal, one after the other, and only over TCP (to which a client is sent by itself). Wider lets more people ask, and wait for each other.',
    defaultText: `loopback (${PAST_CLIENTS_DEFAULT.join(', ')})`,
    read: (text) => (text.toLowerCase() === 'none' ? 'none' : readNetwork(text)),
    absent: () => PAST_CLIENTS_DEFAULT.map(readNetwork),
  }),
  workers: integerSetting({
    flag: 'workers',
    placeholder: 'N',
    help: 'Processes that answer on the listening addresses, beside the one that follows the store when there are several. More use more cores; each has a zone, a forward cache and a rate limit of its own.',
    default: 1,
    min: 1,
    max: 64,
  }),
  udpBatch: choiceSetting({
    flag: 'udp-batch',
    help: 'auto reads and sends many UDP datagrams in one system call where that works (Linux with glibc on x64 and arm64, with the optional package koffi); off handles them one by one, at 1.7 times the CPU for each.',
    choices: ['auto', 'off'],
    default: 'auto',
  }),
};

export type ResolverValues = ValuesOf<typeof resolverSettings>;

export interface ResolverConfig {
  /** Where the names live in the store. */
  readonly prefix: string;
  readonly zones: readonly OwnerName[];
  readonly listen: readonly HostPort[];
  readonly defaultTtlSeconds: number;
  readonly negativeTtlSeconds: number;
  readonly maxStaleMs: number;
  /** `system`: the nameservers of /etc/resolv.conf, also when they change. */
  readonly forward: 'system' | readonly HostPort[];
  readonly allowForward: readonly Network[];
  readonly stubs: readonly StubZone[];
  readonly local: OwnerName | undefined;
  readonly nsName: OwnerName | undefined;
  readonly srvWeights: 'percent' | 'raw';
  readonly rotate: boolean;
  readonly legacyApex: boolean;
  /** Responses a second; 0 for no limit. */
  readonly rateLimit: number;
  readonly chaos: boolean;
  /** Who may ask for answers of the past over DNS. */
  readonly pastClients: readonly Network[];
  readonly workers: number;
  readonly udpBatch: 'auto' | 'off';
}

export type ResolverConfigRead =
  | { readonly ok: true; readonly config: ResolverConfig }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Checks what no single setting can see, and gives each value the form that the parts use.
 *
 * @param domain of the announcer in the same process, which is then the zone unless others are given
 */
export function resolverConfig(
  values: ResolverValues & { readonly prefix: string },
  domain: OwnerName = DEFAULT_ZONE,
): ResolverConfigRead {
  const problems: string[] = [];
  const forwardTo = values.forward.filter((each) => each !== 'none');
  const isOff = forwardTo.length < values.forward.length;
  if (isOff && forwardTo.length > 0)
    problems.push('--forward: none cannot stand beside addresses; give one or the other');
  const pastClients = values.pastClients.filter((each) => each !== 'none');
  if (pastClients.length > 0 && pastClients.length < values.pastClients.length)
    problems.push('--past-clients: none cannot stand beside networks; give one or the other');
  const zones = values.zone.length > 0 ? [...new Set(values.zone.flat())] : [domain];
  const stubs = collectStubs(values.stub);
  for (const { zone } of stubs) {
    const own = zones.find((each) => isWithin(zone, each));
    if (own !== undefined)
      problems.push(`--stub: ${zone} is in zone ${own} of this server (--zone); it cannot be asked elsewhere`);
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: {
      prefix: values.prefix,
      zones,
      listen: values.listen,
      defaultTtlSeconds: values.defaultTtl,
      negativeTtlSeconds: values.negativeTtl,
      maxStaleMs: values.maxStale * 1000,
      forward: values.forward.length === 0 ? 'system' : forwardTo,
      allowForward: values.allowForward,
      stubs,
      local: values.local,
      nsName: values.nsName,
      srvWeights: values.srvWeights,
      rotate: !values.noRotate,
      legacyApex: values.legacyApex,
      rateLimit: values.rateLimit,
      chaos: !values.noChaos,
      pastClients,
      workers: values.workers,
      udpBatch: values.udpBatch,
    },
  };
}

/** RFC 2317 names a zone `0/25.2.0.192.in-addr.arpa`: only what is a network and nothing else is taken for one. */
function readZone(text: string): readonly OwnerName[] {
  const network = text.includes('/') ? parseNetwork(text) : undefined;
  return network === undefined ? [readAs.name(text)] : reverseZonesOf(network.octets, network.prefixBits);
}

function readServer(text: string): HostPort {
  const address = readAs.hostPort(text, DNS_PORT);
  if (address.port === 0) throw new SettingError('port 0 is no server; leave the port out for 53');
  return address;
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network !== undefined) return network;
  throw new SettingError('is no network; write 10.0.0.0/8, fd00::/8 or one address');
}

function readStub(text: string): { zone: OwnerName; server: HostPort } {
  const [zone, server, ...rest] = text.split('=');
  if (zone === undefined || zone === '' || server === undefined || rest.length > 0) {
    throw new SettingError('must be ZONE=ADDRESS[:PORT], as corp.example.com=192.0.2.53');
  }
  return { zone: readAs.name(zone), server: readServer(server) };
}

function collectStubs(given: ResolverValues['stub']): StubZone[] {
  const zones = new Map<OwnerName, HostPort[]>();
  for (const { zone, server } of given) zones.set(zone, [...(zones.get(zone) ?? []), server]);
  return [...zones].map(([zone, servers]) => ({ zone, servers }));
}
