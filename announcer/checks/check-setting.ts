import { withoutSecrets } from '../../shared/redaction.ts';
import type { ContainerFacts } from '../facts.ts';

/** When a check runs, and how many results in a row turn its verdict. The edge that runs it does the counting. */
export interface CheckTiming {
  /** Between two checks once it passes; before that an edge may look more often. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row until it passes. */
  readonly rise: number;
  /** Failures in a row until it fails. */
  readonly fall: number;
}

/** What must be true of a container before a port of it is announced. `port` is a container port, as `8080/tcp`. */
export type Check = CheckTiming &
  (
    | { readonly kind: 'none' }
    /** Docker's HEALTHCHECK. */
    | { readonly kind: 'healthcheck' }
    /** The port is in LISTEN (for UDP: bound) in the container's network namespace. */
    | { readonly kind: 'listening'; readonly port: string }
    | { readonly kind: 'tcp'; readonly port: string }
    /** A GET that is answered 200 to 399. */
    | { readonly kind: 'http'; readonly port: string; readonly path: string }
    /** A command in the container that exits 0. One for the container: `port` is {@link WHOLE_CONTAINER}. */
    | { readonly kind: 'exec'; readonly port: string; readonly command: readonly string[] }
  );

/** `port` of a check, and of its result, that is of no port. */
export const WHOLE_CONTAINER = '*';

/** A check that an edge must run; the others are read from inspect. */
export type ActiveCheck = Extract<Check, { readonly port: string }>;

export function isActive(check: Check): check is ActiveCheck {
  return 'port' in check;
}

/** `rollcall.check` as read, before it is known for which port and container. */
export type CheckSetting =
  | { readonly kind: 'auto' | 'healthcheck' | 'listening' | 'none' | 'tcp' }
  | { readonly kind: 'http'; readonly path: string }
  | { readonly kind: 'exec'; readonly command: readonly string[] };

export const CHECK_TIMING_DEFAULTS: CheckTiming = { intervalMs: 5000, timeoutMs: 2000, rise: 1, fall: 3 };

/**
 * `rollcall.check` as events and messages may show it, whatever is written there: `exec:***`, `http:/ok?token=***`. Nothing of a
 * command, and of a path no value of a query.
 */
export function shownCheck(text: string): string {
  const [, kind = '', rest = ''] = /^([^\s:]*)(.*)$/s.exec(text.trim()) ?? [];
  const [path = '', ...more] = rest.split(/\s/);
  if (rest === '' || (path.startsWith(':/') && more.length === 0)) return withoutSecrets(kind + rest);
  return `${withoutSecrets(kind)}${rest.slice(0, 1)}***`;
}

export const CHECK_FORMS = 'auto, healthcheck, listening, tcp, http:/path, exec:command or none';

/** Reads `rollcall.check`; undefined when it is none of {@link CHECK_FORMS}. */
export function readCheckSetting(text: string): CheckSetting | undefined {
  const match = /^([a-z]+)(?::(.*))?$/is.exec(text.trim());
  const kind = match?.[1]?.toLowerCase();
  const rest = match?.[2];
  switch (kind) {
    case 'auto':
    case 'healthcheck':
    case 'listening':
    case 'none':
    case 'tcp':
      return rest === undefined ? { kind } : undefined;
    case 'http':
      return readHttp(rest);
    case 'exec':
      return readExec(rest);
    default:
      return undefined;
  }
}

function readHttp(path = '/'): CheckSetting | undefined {
  return isHttpPath(path) ? { kind: 'http', path } : undefined;
}

/**
 * Whether `path` can be asked for. What could end the request line cannot; nor what begins with two slashes: it was meant as
 * a URL (`http://localhost:9000/health`), whose host and port would be taken for a path.
 */
export function isHttpPath(path: string): boolean {
  return /^\/(?!\/)[\x21-\x7e]*$/.test(path);
}

/** `exec:["/app","check"]` runs as it stands; anything else by the container's shell, as HEALTHCHECK's CMD-SHELL does. */
function readExec(command = ''): CheckSetting | undefined {
  const text = command.trim();
  if (text === '') return undefined;
  if (!text.startsWith('[')) return { kind: 'exec', command: ['/bin/sh', '-c', text] };
  try {
    const words: unknown = JSON.parse(text);
    if (!Array.isArray(words) || words.length === 0) return undefined;
    return words.every((word) => typeof word === 'string') ? { kind: 'exec', command: words } : undefined;
  } catch {
    return undefined; // reported as a value of none of the forms
  }
}

/**
 * The check of one announced port. `auto` takes Docker's HEALTHCHECK where there is one, else `listening`. A UDP port
 * cannot be asked over TCP: for it `tcp` and `http` mean `listening`.
 *
 * @param port      container port, as `8080/tcp`
 * @param checkPort the port that `rollcall.check.port` names instead
 */
export function checkOf(
  setting: CheckSetting,
  timing: CheckTiming,
  facts: ContainerFacts,
  port: string,
  checkPort: string | undefined,
): Check {
  const asked = checkPort ?? port;
  const isUdp = asked.endsWith('/udp');
  switch (setting.kind) {
    case 'auto':
      return facts.health === 'none'
        ? { ...timing, kind: 'listening', port: asked }
        : { ...timing, kind: 'healthcheck' };
    case 'none':
    case 'healthcheck':
      return { ...timing, kind: setting.kind };
    case 'listening':
      return { ...timing, kind: 'listening', port: asked };
    case 'tcp':
      return { ...timing, kind: isUdp ? 'listening' : 'tcp', port: asked };
    case 'http':
      return isUdp
        ? { ...timing, kind: 'listening', port: asked }
        : { ...timing, kind: 'http', port: asked, path: setting.path };
    case 'exec':
      return { ...timing, kind: 'exec', port: WHOLE_CONTAINER, command: setting.command };
  }
}
