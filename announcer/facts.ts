/** What rollcall uses of a container's inspect, in one dialect: engine and API versions differ, `docker.ts` evens them out. */
export interface ContainerFacts {
  /** 64 hex digits. */
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** As the container names it: `registry/repo:tag`, with or without digest. */
  readonly image: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** 0 when it has no process: stopped, or waiting in a restart back-off. */
  readonly pid: number;
  /** RFC 3339; tells one run of a container from the next. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  /** `none` when the image and the container have no HEALTHCHECK. */
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  /** The signal by which `docker stop` ends it, as a number; 15 unless set. */
  readonly stopSignal: number;
  /** How long `docker stop` waits before it kills; absent when the engine's default of 10 s holds. */
  readonly stopTimeoutSeconds?: number;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Only `SERVICE_NAME`, `_IGNORE`, `_TAGS`, `_ID` and their `SERVICE_<port>_…` forms, which are there to be published: any
   * other variable may hold a secret and is dropped on arrival.
   */
  readonly serviceEnvironment: Readonly<Record<string, string>>;
  /** `bridge`, `host`, `none`, a network's name, or `container:<id>`. */
  readonly networkMode: string;
  /**
   * Of `container:<id>`: that container, whose addresses and published ports these are; null when there is none of that id any
   * more, absent when it was not asked for.
   */
  readonly networkOwner?: ContainerFacts | null;
  /** In the engine's order. */
  readonly networks: readonly NetworkFacts[];
  readonly ports: readonly PortFacts[];
}

export interface NetworkFacts {
  readonly name: string;
  /** Empty when it has none. */
  readonly ipv4: string;
  readonly ipv6: string;
}

/** A port that is exposed or published; exposed only when it has no bindings. */
export interface PortFacts {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly bindings: readonly { readonly hostIp: string; readonly hostPort: number }[];
  /** With host networking: `-p` named it, which the engine then drops. */
  readonly isAskedFor?: true;
}

/** The host that the announcer speaks for, settled once at start. */
export interface HostFacts {
  /** LDH label. */
  readonly name: string;
  /** By `--private-ip` / `--private-if`, or found. Undefined when there is none. */
  readonly privateAddress: HostAddress | undefined;
  readonly publicAddress: HostAddress | undefined;
}

export interface HostAddress {
  readonly address: string;
  /** Given by a flag: taken as given, loopback included. */
  readonly given: boolean;
}

/** Of the network that it is in: its own, or that of the container which it shares it with. */
export function networksOf({ networks, networkOwner }: ContainerFacts): readonly NetworkFacts[] {
  return networkOwner?.networks ?? networks;
}

/** Where everybody's sockets are, and no address is the container's own. */
export function isInHostNetwork({ networkMode, networkOwner }: ContainerFacts): boolean {
  return networkMode === 'host' || networkOwner?.networkMode === 'host';
}

/** Whether the container has a process: in a restart back-off it is said to run, and has none. */
export function hasProcess({ state, pid }: ContainerFacts): boolean {
  return (state === 'running' || state === 'paused') && pid > 0;
}

/** The id of the container whose network it shares, from its network mode `container:<id>`. */
export function ownerInMode(networkMode: string): string | undefined {
  return /^container:(.+)$/.exec(networkMode)?.[1];
}
