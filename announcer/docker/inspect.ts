import { canonicalAddress } from '../../shared/ip.ts';
import { signalNumber } from '../decisions/lifecycle/stop-signal.ts';
import { type ContainerFacts, type NetworkFacts, ownerInMode, type PortFacts } from '../facts.ts';

type Json = Readonly<Record<string, unknown>>;

/** No field of an engine's: where the inspect of the container whose network this one shares is put. */
export const NETWORK_OWNER = 'rollcall.networkOwner';

/**
 * Reads `GET /containers/{id}/json` into facts: Docker's API 1.12 to 1.52 and Podman's, which differ in what they leave
 * out, what is null, and where the health and the addresses stand.
 *
 * @throws {TypeError} when `inspect` is not about a container: no object, or without an id
 */
export function factsOf(inspect: unknown): ContainerFacts {
  if (!isObject(inspect)) throw new TypeError('it is no JSON object');
  const { Id: id } = inspect;
  if (typeof id !== 'string' || id === '') throw new TypeError('it has no Id');
  const state = objectOf(inspect.State);
  const config = objectOf(inspect.Config);
  const hostConfig = objectOf(inspect.HostConfig);
  const settings = objectOf(inspect.NetworkSettings);
  const networkMode = networkModeOf(hostConfig);
  return {
    id,
    name: textOf(inspect.Name).replace(/^\//, ''),
    image: textOf(config.Image) || textOf(inspect.ImageName) || textOf(inspect.Image),
    state: stateOf(state),
    pid: countOf(state.Pid),
    startedAt: textOf(state.StartedAt),
    finishedAt: textOf(state.FinishedAt),
    exitCode: typeof state.ExitCode === 'number' ? state.ExitCode : 0,
    oomKilled: state.OOMKilled === true,
    restartCount: countOf(inspect.RestartCount),
    health: healthOf(state),
    stopSignal: signalNumber(config.StopSignal),
    ...stopTimeoutOf(config),
    labels: labelsOf(config.Labels),
    serviceEnvironment: serviceEnvironmentOf(config.Env),
    networkMode,
    ...networkOwnerOf(inspect),
    networks: networksOf(settings, networkMode),
    ports: portsOf(config, hostConfig, settings, networkMode),
  };
}

/** Podman's states beside Docker's. `stopping` was told to go: it is announced no more. */
const STATES: Readonly<Record<string, ContainerFacts['state']>> = {
  created: 'created',
  configured: 'created',
  initialized: 'created',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'removing',
  stopping: 'removing',
  exited: 'exited',
  stopped: 'exited',
  dead: 'dead',
};

function stateOf(state: Json): ContainerFacts['state'] {
  const named = STATES[textOf(state.Status).toLowerCase()];
  if (named !== undefined) return named;
  // API before 1.21 has flags only; in a restart back-off Running is true as well.
  if (state.Restarting === true) return 'restarting';
  if (state.Paused === true) return 'paused';
  if (state.Running === true) return 'running';
  return state.Dead === true ? 'dead' : 'exited';
}

function healthOf(state: Json): ContainerFacts['health'] {
  // Podman before 4 called it Healthcheck.
  const status = textOf(objectOf(state.Health ?? state.Healthcheck).Status).toLowerCase();
  if (status === '' || status === 'none') return 'none';
  if (status === 'healthy' || status === 'unhealthy') return status;
  return 'starting';
}

function stopTimeoutOf(config: Json): { stopTimeoutSeconds?: number } {
  const seconds = config.StopTimeout;
  return typeof seconds === 'number' && seconds >= 0 ? { stopTimeoutSeconds: seconds } : {};
}

function networkModeOf(hostConfig: Json): string {
  const mode = textOf(hostConfig.NetworkMode);
  return mode === '' || mode === 'default' ? 'bridge' : mode;
}

/** Put there by `docker.ts`: the inspect of the container whose network it shares. */
function networkOwnerOf({ [NETWORK_OWNER]: owner }: Json): { networkOwner?: ContainerFacts | null } {
  if (owner === undefined) return {};
  return { networkOwner: owner === null ? null : factsOf(owner) };
}

/** The id of the container whose network an inspected one shares. */
export function networkOwnerIdOf(inspect: unknown): string | undefined {
  return isObject(inspect) ? ownerInMode(networkModeOf(objectOf(inspect.HostConfig))) : undefined;
}

function labelsOf(labels: unknown): Record<string, string> {
  const texts = Object.entries(objectOf(labels)).filter((entry): entry is [string, string] => {
    return typeof entry[1] === 'string';
  });
  return Object.fromEntries(texts);
}

const SERVICE_VARIABLE = /^(SERVICE_(?:\d+_(?:(?:tcp|udp)_)?)?(?:NAME|IGNORE|TAGS|ID))=(.*)$/is;

function serviceEnvironmentOf(environment: unknown): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const each of arrayOf(environment)) {
    const [, name, value] = SERVICE_VARIABLE.exec(textOf(each)) ?? [];
    if (name?.startsWith('SERVICE_') && value !== undefined) kept[name] = value;
  }
  return kept;
}

function networksOf(settings: Json, networkMode: string): NetworkFacts[] {
  const networks = Object.entries(objectOf(settings.Networks));
  if (networks.length > 0) {
    return networks.map(([name, endpoint]) => ({ name, ...addressesOf(objectOf(endpoint)) }));
  }
  // API before 1.21 knows one network and names it nowhere but in the mode.
  const { ipv4, ipv6 } = addressesOf(settings);
  return ipv4 === '' && ipv6 === '' ? [] : [{ name: networkMode, ipv4, ipv6 }];
}

function addressesOf(endpoint: Json): { ipv4: string; ipv6: string } {
  return { ipv4: addressOf(endpoint.IPAddress), ipv6: addressOf(endpoint.GlobalIPv6Address) };
}

function addressOf(value: unknown): string {
  // Some versions of Podman write the prefix length behind the address.
  const [address = ''] = textOf(value).split('/');
  return canonicalAddress(address) ?? '';
}

/** Ascending by number, then protocol: the engine's order is that of a hash table. */
function portsOf(config: Json, hostConfig: Json, settings: Json, networkMode: string): PortFacts[] {
  const published = objectOf(settings.Ports);
  const asked = objectOf(hostConfig.PortBindings);
  const names = new Set([objectOf(config.ExposedPorts), asked, published].flatMap((ports) => Object.keys(ports)));
  return [...names]
    .flatMap((name) => {
      const port = portOf(name, published[name]);
      if (port === undefined) return [];
      // With host networking the engine drops `-p`, which is then a declaration of what the container listens on.
      return networkMode === 'host' && Object.hasOwn(asked, name) ? { ...port, isAskedFor: true as const } : port;
    })
    .sort((a, b) => a.containerPort - b.containerPort || (a.protocol < b.protocol ? -1 : 1));
}

function portOf(name: string, bindings: unknown): PortFacts | undefined {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(name);
  const containerPort = Number(match?.[1] ?? 0);
  if (!isPort(containerPort)) return undefined;
  return {
    containerPort,
    protocol: (match?.[2] ?? 'tcp') as PortFacts['protocol'],
    bindings: arrayOf(bindings).flatMap((each) => {
      const binding = objectOf(each);
      const hostPort = Number(binding.HostPort);
      const hostIp = textOf(binding.HostIp);
      // Podman keeps it as it was written. Empty is all addresses, so what is none stays as it is.
      return isPort(hostPort) ? [{ hostIp: canonicalAddress(hostIp) ?? hostIp, hostPort }] : [];
    }),
  };
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
