import { type StaticService, staticId } from './static-services.ts';

/** A check that an entry of the services file asks for: of its own host and port. */
export interface ServiceCheck {
  /** `static:<name>`. */
  readonly container: string;
  /** Tells it from the checks of other entries of that name: `tcp 192.0.2.10:8080`. */
  readonly probe: string;
  readonly kind: 'tcp' | 'http';
  readonly host: string;
  readonly port: number;
  /** Of `http`. */
  readonly path: string;
}

/** Undefined when the entry asks for none. */
export function serviceCheckOf({ name, host, port, check }: StaticService): ServiceCheck | undefined {
  if (check === undefined || port === undefined) return undefined;
  const path = /^http:(\/.*)$/.exec(check)?.[1];
  const kind = path === undefined ? 'tcp' : 'http';
  const probe = `${check} ${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { container: staticId(name), probe, kind, host, port, path: path ?? '' };
}
