import { isUnspecified } from '../shared/address.ts';
import { canonicalAddress } from '../shared/ip.ts';
import { foldCase, isLdhLabel, labelsOf, type OwnerName, parseName } from '../shared/name.ts';
import {
  choiceSetting,
  integerSetting,
  optionalSetting,
  readAs,
  SettingError,
  secondsSetting,
  setting,
  switchSetting,
  type ValuesOf,
} from '../shared/settings.ts';
import { DAMPING_DEFAULTS, type DampingSettings } from './decisions/lifecycle/damping.ts';
import { DEFAULT_DOCKER_HOST, parseDockerHost } from './docker/engine/host.ts';
import type { AnnounceAs } from './rules.ts';
import { type SinkConfig, sinkConfigOf, sinkSettings } from './sinks/settings.ts';

export const DEFAULT_DOMAIN = parseName('s.prod.example.com');

/** The announcer's own settings; `shared/common-settings.ts` has those of every daemon. */
export const announcerSettings = {
  domain: setting({
    flag: 'domain',
    placeholder: 'NAME',
    help: 'Services are announced below this name: web becomes web.<domain>. All hosts of one installation share it.',
    defaultText: 's.prod.example.com',
    bounds: 'labels of letters, digits, hyphens and underscores',
    read: readDomain,
    absent: () => DEFAULT_DOMAIN,
  }),
  hostName: setting<string | undefined>({
    flag: 'host-name',
    placeholder: 'LABEL',
    help: 'This host in names: <host>.web.<domain>. One announcer at a time speaks for a host; a second one waits, then stops.',
    defaultText: "the machine's short host name",
    bounds: 'letters, digits and hyphens, at most 63',
    read: readHostName,
    absent: () => undefined,
  }),
  as: choiceSetting({
    flag: 'as',
    help: "Address that containers are announced with unless rollcall.as says otherwise: the host's private or public one with the published port, or the container's own with the container's port, which only hosts that route to it can use.",
    choices: ['private', 'public', 'container'],
    default: 'private',
  }),
  privateIp: addressSetting('private', "the first private address that is no container network's, else the public one"),
  privateIf: interfaceSetting('private'),
  publicIp: addressSetting('public', "the address of the default route's interface"),
  publicIf: interfaceSetting('public'),
  explicit: switchSetting({
    flag: 'explicit',
    help: 'Announce only containers with a rollcall.* or SERVICE_* label. Nothing is announced by accident, and each container has to ask for it.',
  }),
  services: optionalSetting({
    flag: 'services',
    placeholder: 'FILE',
    help: 'JSON file of services that do not run in Docker, announced as long as they stand in it; changes are followed. See examples/services.json.',
    defaultText: 'none',
  }),
  docker: setting({
    flag: 'docker',
    placeholder: 'URL',
    help: 'The Docker engine: unix:///path or tcp://host:port, with TLS when DOCKER_TLS_VERIFY is set (certificates in DOCKER_CERT_PATH).',
    defaultText: DEFAULT_DOCKER_HOST,
    fallbackVariables: ['DOCKER_HOST'],
    read: readDocker,
    absent: () => DEFAULT_DOCKER_HOST,
  }),
  leaseTtl: secondsSetting({
    flag: 'lease-ttl',
    help: 'Names of a host that died without a word stay for so long. Lower drops them sooner, higher rides out longer outages of the store. Keepalives go every third of it.',
    default: 60,
    min: 15,
    max: 86_400,
    why: 'below 15 s a pause of the store would drop names that are true',
  }),
  recordTtl: secondsSetting({
    flag: 'record-ttl',
    help: 'TTL in each record unless rollcall.ttl says otherwise: how long clients may keep an address. Lower follows a change sooner, higher asks less often.',
    default: 5,
    min: 1,
    max: 86_400,
    why: "0 would be read as absent, and answers be kept for as long as the announcer's lease",
  }),
  compareInterval: secondsSetting({
    flag: 'compare-interval',
    help: 'Between two comparisons of Docker, what is to be announced, and the store, which repair what was missed; of thousands of keys, 1,000 in each, and of more than 2,400 containers 40 a second. Lower repairs sooner, higher costs less.',
    default: 60,
    min: 5,
    max: 3600,
  }),
  dampingSuppress: integerSetting({
    flag: 'damping-suppress',
    placeholder: 'PENALTY',
    help: `A container that dies again and again is held down above this penalty; each death that nobody asked for adds ${DAMPING_DEFAULTS.penaltyPerDeath}. Lower holds crash loops sooner, 1000000 never.`,
    default: DAMPING_DEFAULTS.suppressAbove,
    min: DAMPING_DEFAULTS.penaltyPerDeath,
    max: 1_000_000,
  }),
  dampingReuse: integerSetting({
    flag: 'damping-reuse',
    placeholder: 'PENALTY',
    help: 'A container that was held down is announced again below this penalty. Lower waits longer after a crash loop.',
    default: DAMPING_DEFAULTS.reuseBelow,
    min: 1,
    max: 1_000_000,
  }),
  dampingHalfLife: secondsSetting({
    flag: 'damping-half-life',
    help: 'Time in which the penalty of a crash loop halves. Higher remembers deaths longer.',
    default: DAMPING_DEFAULTS.halfLifeMs / 1000,
    min: 1,
    max: 86_400,
  }),
  dampingMaxHold: secondsSetting({
    flag: 'damping-max-hold',
    help: 'No container is held down longer than this after its last death.',
    default: DAMPING_DEFAULTS.maxHoldMs / 1000,
    min: 1,
    max: 7 * 86_400,
  }),
  ...sinkSettings,
};

export type AnnouncerValues = ValuesOf<typeof announcerSettings>;

/** An address of the host: given, or that of an interface, or to be found. */
export type AddressSource =
  | { readonly from: 'address'; readonly address: string }
  | { readonly from: 'interface'; readonly name: string }
  | { readonly from: 'host' };

export interface AnnouncerConfig {
  readonly prefix: string;
  readonly domain: OwnerName;
  /** Undefined: the machine's own, settled at start. */
  readonly hostName: string | undefined;
  readonly as: AnnounceAs;
  readonly privateAddress: AddressSource;
  readonly publicAddress: AddressSource;
  readonly explicit: boolean;
  readonly servicesFile: string | undefined;
  /** As `parseDockerHost` reads it. */
  readonly docker: string;
  readonly leaseTtlSeconds: number;
  readonly recordTtlSeconds: number;
  readonly compareMs: number;
  readonly damping: DampingSettings;
  readonly sinks: SinkConfig;
}

export type AnnouncerConfigRead =
  | { readonly ok: true; readonly config: AnnouncerConfig }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks what no single setting can see, and gives each value the form that the parts use. */
export function announcerConfig(values: AnnouncerValues & { readonly prefix: string }): AnnouncerConfigRead {
  const damping: DampingSettings = {
    penaltyPerDeath: DAMPING_DEFAULTS.penaltyPerDeath,
    halfLifeMs: values.dampingHalfLife * 1000,
    suppressAbove: values.dampingSuppress,
    reuseBelow: values.dampingReuse,
    maxHoldMs: values.dampingMaxHold * 1000,
  };
  const problems: string[] = [];
  const sinks = sinkConfigOf(values, problems);
  problems.push(
    ...addressProblems('private', values.privateIp, values.privateIf),
    ...addressProblems('public', values.publicIp, values.publicIf),
    ...dampingProblems(damping),
  );
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: {
      prefix: values.prefix,
      domain: values.domain,
      hostName: values.hostName,
      as: values.as,
      privateAddress: sourceOf(values.privateIp, values.privateIf),
      publicAddress: sourceOf(values.publicIp, values.publicIf),
      explicit: values.explicit,
      servicesFile: values.services,
      docker: values.docker,
      leaseTtlSeconds: values.leaseTtl,
      recordTtlSeconds: values.recordTtl,
      compareMs: values.compareInterval * 1000,
      damping,
      sinks,
    },
  };
}

/** What `--private-ip` and `--private-if` say together. */
export function sourceOf(address: string | undefined, name: string | undefined): AddressSource {
  if (address !== undefined) return { from: 'address', address };
  return name === undefined ? { from: 'host' } : { from: 'interface', name };
}

/** At most one of `--private-ip` and `--private-if`. */
export function addressProblems(which: string, address: string | undefined, name: string | undefined): string[] {
  if (address === undefined || name === undefined) return [];
  return [`--${which}-ip="${address}" and --${which}-if="${name}" say it twice; give one of them`];
}

/** A penalty never grows above what decays to the reuse limit within the longest hold (RFC 2439 §4.4.2). */
function dampingProblems({ suppressAbove, reuseBelow, halfLifeMs, maxHoldMs }: DampingSettings): string[] {
  if (reuseBelow >= suppressAbove) {
    return [`--damping-reuse="${reuseBelow}": must be below --damping-suppress, which is ${suppressAbove}`];
  }
  const isOff = suppressAbove >= 1_000_000;
  const ceiling = reuseBelow * 2 ** Math.min(maxHoldMs / halfLifeMs, 50);
  if (isOff || ceiling > suppressAbove) return [];
  return [
    `--damping-max-hold="${maxHoldMs / 1000}": with a half-life of ${halfLifeMs / 1000} s (--damping-half-life) no penalty could pass ${suppressAbove} (--damping-suppress); ` +
      `give at least ${Math.ceil((halfLifeMs / 1000) * Math.log2(suppressAbove / reuseBelow)) + 1}`,
  ];
}

function addressSetting(which: 'private' | 'public', defaultText: string) {
  return setting<string | undefined>({
    flag: `${which}-ip`,
    placeholder: 'ADDRESS',
    help: `The host's ${which} address, taken as given, loopback included. Ports bound to it are announced too.`,
    defaultText,
    read: readHostAddress,
    absent: () => undefined,
  });
}

function interfaceSetting(which: 'private' | 'public') {
  return optionalSetting({
    flag: `${which}-if`,
    placeholder: 'NAME',
    help: `Take the host's ${which} address from this interface, as eth1; instead of --${which}-ip where addresses differ from host to host.`,
    defaultText: 'none',
  });
}

/** As the engine and the kernel spell it, so that what is bound to it is known to be. */
function readHostAddress(text: string): string {
  const address = canonicalAddress(readAs.address(text));
  if (address === undefined)
    throw new SettingError('has a zone, which names an interface of this machine: others do not know it');
  if (isUnspecified(address)) throw new SettingError('names no host; give an address that others can reach');
  return address;
}

/** Anything is a name in DNS; but nobody asks for one with blanks, and etcd's keys would have them. */
function readDomain(text: string): OwnerName {
  const name = readAs.name(text);
  if (labelsOf(name).every((label) => /^[a-z0-9_-]+$/.test(label))) return name;
  throw new SettingError(
    'must be a name of letters, digits, hyphens and dots, as s.prod.example.com (in other scripts as xn--…)',
  );
}

function readHostName(text: string): string {
  const label = foldCase(text);
  if (isLdhLabel(label)) return label;
  throw new SettingError('must be one label of letters, digits and hyphens, at most 63, as node-1');
}

function readDocker(text: string): string {
  const read = parseDockerHost(text, false);
  if (!read.ok) throw new SettingError(read.reason);
  return text;
}
