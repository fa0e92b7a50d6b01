/** Of the ids that stand for entries of the services file where a container's id would. */
const PREFIX = 'static:';

/** What entries of this name have in place of a container's id. */
export function staticId(name: string): string {
  return PREFIX + name;
}

/** Whether a container id stands for an entry of the services file. */
export function isStatic(container: string): boolean {
  return container.startsWith(PREFIX);
}

/** The name that {@link staticId} was made of. */
export function staticName(container: string): string {
  return container.slice(PREFIX.length);
}

/** One entry of `--services FILE`: what does not run in Docker and is announced all the same. */
export interface StaticService {
  readonly name: string;
  /** IPv4, IPv6 or a domain name. */
  readonly host: string;
  readonly port?: number;
  readonly portName?: string;
  readonly protocol?: 'tcp' | 'udp';
  /** Key segment below the service; made from host and port when absent. */
  readonly instance?: string;
  /** `tcp` or `http:/path`, of `host` and `port`: announced only while it passes. Without one, as long as it is in the file. */
  readonly check?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly ttl?: number;
  readonly text?: string;
  readonly group?: string;
  readonly mail?: boolean;
  readonly targetstrip?: number;
}
