import { StringDecoder } from 'node:string_decoder';

/** Something that happened to a container, as the engine's event stream tells it: a hint to look, never the truth. */
export interface EngineEvent {
  /** 64 hex digits. */
  readonly container: string;
  readonly action: EngineAction;
  /** Of `kill`: what the event says. A container label named `signal` overwrites it, so see {@link trustedSignal}. */
  readonly signal?: number;
  /** Of `die`: what the event says. A container label of its name overwrites it, so see {@link trustedExitCode}. */
  readonly exitCode?: number;
  /** Nanoseconds since the epoch by the engine's clock, in digits: above 2^53 a number would round it. */
  readonly timeNano: string;
}

const ACTIONS = [
  'start',
  'restart',
  'die',
  'stop',
  'kill',
  'oom',
  'pause',
  'unpause',
  'rename',
  'update',
  'destroy',
  'healthy',
  'unhealthy',
  'health',
  'connect',
  'disconnect',
] as const;
export type EngineAction = (typeof ACTIONS)[number];

/** Podman's words, and the engine's with a detail behind a colon, in one dialect. */
const DIALECT: Readonly<Record<string, EngineAction>> = {
  died: 'die',
  remove: 'destroy',
  'health_status: healthy': 'healthy',
  'health_status: unhealthy': 'unhealthy',
  health_status: 'health',
};

/**
 * What the engine is asked to send. Without it every health probe of every container costs three lines (`exec_…`).
 * `health_status` alone also matches `health_status: healthy` since Docker 1.13; Podman has its own words.
 */
export const EVENT_FILTERS: Readonly<Record<string, readonly string[]>> = {
  type: ['container', 'network'],
  event: [
    ...ACTIONS.filter((action) => !action.includes('health')),
    'health_status',
    'health_status: healthy',
    'health_status: unhealthy',
    'died',
    'remove',
  ],
};

export type ParsedLine =
  | { readonly type: 'event'; readonly event: EngineEvent }
  /** Well formed, and about nothing that we follow. */
  | { readonly type: 'other' }
  /** Something happened that cannot be read: the caller reads everything anew. */
  | { readonly type: 'unreadable'; readonly reason: string };

/** Reads one line of `/events`, in the dialects of API 1.12 to 1.52 and of Podman. */
export function parseEventLine(line: string): ParsedLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    return { type: 'unreadable', reason: `event is not JSON: ${(error as Error).message}` };
  }
  if (!isObject(json)) return { type: 'unreadable', reason: 'event is not a JSON object' };
  const actor = isObject(json.Actor) ? json.Actor : {};
  const attributes = isObject(actor.Attributes) ? actor.Attributes : {};
  // Before API 1.22 there was no Type: all events were about containers or images.
  const type = json.Type ?? 'container';
  const word = textOf(json.Action) ?? textOf(json.status) ?? '';
  const action = actionOf(word, attributes);
  if (action === undefined) return { type: 'other' };
  const isNetwork = action === 'connect' || action === 'disconnect';
  if (type !== (isNetwork ? 'network' : 'container')) return { type: 'other' };
  const container = isNetwork ? textOf(attributes.container) : (textOf(actor.ID) ?? textOf(json.id));
  if (container === undefined || !/^[0-9a-f]{64}$/.test(container)) return { type: 'other' };
  const signal = action === 'kill' ? signalOf(attributes.signal) : undefined;
  const exitCode = action === 'die' ? exitCodeOf(attributes) : undefined;
  return {
    type: 'event',
    event: {
      container,
      action,
      timeNano: timeNanoOf(line, json),
      ...(signal === undefined ? {} : { signal }),
      ...(exitCode === undefined ? {} : { exitCode }),
    },
  };
}

function actionOf(word: string, attributes: Readonly<Record<string, unknown>>): EngineAction | undefined {
  const action = DIALECT[word] ?? ACTIONS.find((each) => each === word && !each.includes('health'));
  if (action === undefined && word.startsWith('health_status:')) return 'health';
  if (action !== 'health') return action;
  // Podman says a bare `health_status` and puts the word into an attribute.
  const status = attributes.health_status ?? attributes.HealthStatus;
  return status === 'healthy' || status === 'unhealthy' ? status : 'health';
}

function signalOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,2}$/.test(value) ? Number(value) : undefined;
}

/** Docker's word, and Podman's. */
const EXIT_CODE_ATTRIBUTES = ['exitCode', 'containerExitCode'] as const;

function exitCodeOf(attributes: Readonly<Record<string, unknown>>): number | undefined {
  const value = EXIT_CODE_ATTRIBUTES.map((name) => attributes[name]).find((each) => each !== undefined);
  return typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : undefined;
}

/**
 * The digits as they stand in the line. Inside a JSON string the quote before the colon would be escaped, so this
 * matches a member's name alone; the engine writes it last.
 */
function timeNanoOf(line: string, json: Readonly<Record<string, unknown>>): string {
  const digits = [...line.matchAll(/"timeNano"\s*:\s*(\d+)/g)].at(-1)?.[1];
  if (digits !== undefined) return digits;
  return typeof json.time === 'number' ? `${Math.trunc(json.time)}000000000` : '0';
}

/**
 * The signal of a `kill`; undefined when it cannot be known: the event has none (Podman), or the container has a label
 * `signal`, which the engine copies over the event's own attribute.
 */
export function trustedSignal(event: EngineEvent, labels: Readonly<Record<string, string>>): number | undefined {
  return Object.hasOwn(labels, 'signal') ? undefined : event.signal;
}

/** The exit code of a `die`; undefined when it cannot be known, as {@link trustedSignal}. */
export function trustedExitCode(event: EngineEvent, labels: Readonly<Record<string, string>>): number | undefined {
  return EXIT_CODE_ATTRIBUTES.some((name) => Object.hasOwn(labels, name)) ? undefined : event.exitCode;
}

/** What the event is called in causes: `docker kill 15`, `docker start`, `health_status: healthy`, `docker network connect`. */
export function causeOf(event: EngineEvent): string {
  switch (event.action) {
    case 'healthy':
    case 'unhealthy':
      return `health_status: ${event.action}`;
    case 'health':
      return 'health_status';
    case 'connect':
    case 'disconnect':
      return `docker network ${event.action}`;
    case 'kill':
      return event.signal === undefined ? 'docker kill' : `docker kill ${event.signal}`;
    default:
      return `docker ${event.action}`;
  }
}

/** Whether the event belongs to the run that began at `startedAt` (both by the engine's clock), not to an earlier one. */
export function isOfRun(event: EngineEvent, startedAt: string): boolean {
  const started = nanosOf(startedAt);
  return started !== undefined && BigInt(event.timeNano) >= started;
}

/** Nanoseconds since the epoch of an RFC 3339 time with up to nine decimals. */
export function nanosOf(rfc3339: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(rfc3339);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`) / 1000;
  if (Number.isNaN(seconds)) return undefined;
  return BigInt(seconds) * 1_000_000_000n + BigInt((match?.[2] ?? '').padEnd(9, '0'));
}

/** An event's time in milliseconds since the epoch; undefined when the engine gave none. */
export function millisecondsOf(timeNano: string): number | undefined {
  const ms = Number(BigInt(timeNano) / 1_000_000n);
  return ms === 0 ? undefined : ms;
}

/** Far above any event that an engine sends (labels are the long part); a line over it is not kept in memory. */
export const EVENT_LINE_MAX = 1_048_576;

/**
 * Cuts the stream into lines. Chunks are not messages: they split lines, and characters within them.
 * A line over the limit is skipped whole and counted; the caller must then read everything anew.
 */
export class LineFramer {
  readonly #decoder = new StringDecoder('utf8');
  readonly #lineMax: number;
  #rest = '';
  #skipping = false;

  constructor(lineMax = EVENT_LINE_MAX) {
    this.#lineMax = lineMax;
  }

  push(chunk: Buffer): { readonly lines: readonly string[]; readonly skipped: number } {
    const parts = this.#decoder.write(chunk).split('\n');
    const lines: string[] = [];
    let skipped = 0;
    for (const [at, part] of parts.entries()) {
      const isWhole = at < parts.length - 1;
      if (!this.#skipping) this.#rest += part;
      if (this.#rest.length > this.#lineMax) {
        skipped += 1;
        this.#skipping = true;
        this.#rest = '';
      }
      if (!isWhole) break;
      const line = this.#rest.trim();
      if (line !== '') lines.push(line);
      this.#rest = '';
      this.#skipping = false;
    }
    return { lines, skipped };
  }
}

/** More than the engine's own memory of 256 events, several times over. */
const SEEN_MAX = 4096;

/** Remembers the last events by (container, action, timeNano), so that a seam of two streams repeats nothing. */
export class SeenEvents {
  readonly #keys = new Set<string>();

  /** Whether the event is new; from now on it is not. */
  add({ container, action, timeNano }: EngineEvent): boolean {
    const key = `${container} ${action} ${timeNano}`;
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > SEEN_MAX) {
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    return true;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
