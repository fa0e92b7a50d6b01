import { withoutQueryValues } from '../../shared/redaction.ts';
import { type StaticService, staticId } from './static-services.ts';

/** A check that an entry of the services file asks for: of its own host and port. */
export interface ServiceCheck {
  /** `static:<name>`. */
  readonly container: string;
  /** Tells it from the checks of other entries of that name: `tcp 192.0.2.10:8080`, `http:/ok?token=*** 192.0.2.10:80 of a`. */
  readonly probe: string;
  readonly kind: 'tcp' | 'http';
  readonly host: string;
  readonly port: number;
  /** Of `http`. */
  readonly path: string;
}

/** Undefined when the entry asks for none. */
export function serviceCheckOf({ name, host, port, check, instance }: StaticService): ServiceCheck | undefined {
  if (check === undefined || port === undefined) return undefined;
  const path = /^http:(\/.*)$/.exec(check)?.[1];
  const kind = path === undefined ? 'tcp' : 'http';
  const shown = withoutQueryValues(check);
  // Two that differ by what is not shown are those of two entries, whose instances differ.
  const whose = shown === check || instance === undefined ? '' : ` of ${instance}`;
  const probe = `${shown} ${host.includes(':') ? `[${host}]` : host}:${port}${whose}`;
  return { container: staticId(name), probe, kind, host, port, path: path ?? '' };
}
