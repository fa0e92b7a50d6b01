import { setTimeout as sleep } from 'node:timers/promises';
import type { HostPort } from '../../shared/address.ts';
import { askDaemon, ClientError } from './client.ts';

/** What the announcer says of a container that is drained. */
export interface Drained {
  readonly container: string;
  readonly name: string;
  readonly services: readonly string[];
  readonly largestTtlSeconds: number;
}

export interface DrainAnswer {
  readonly host: boolean;
  readonly containers: readonly Drained[];
  /** Processes of `rollcall run` that keep their names; an older announcer does not say. */
  readonly runs?: readonly { readonly service: string; readonly instance: string }[];
  readonly waitSeconds: number;
  /** What was drained by a command of its own before; an older announcer does not say. */
  readonly before?: { readonly host: boolean; readonly containers: readonly string[] };
}

interface Progress {
  readonly keysStanding: number;
  readonly waitingFor?: string;
  readonly isDraining: boolean;
}

/** A drain that did not come to its end; the message is for the person who asked. */
export class DrainError extends Error {
  override readonly name = 'DrainError';
}

const POLL_MS = 200;
/** In one request: a URL has an end. */
const IDS_PER_REQUEST = 100;

/** `web-1 (3f2a9c01d4e7)`. */
export function nameOf({ container, name }: Drained): string {
  return container.startsWith('static:') ? `${name} (services file)` : `${name} (${container.slice(0, 12)})`;
}

/**
 * Waits until no client can hold an answer: until no key stands, then the time that the announcer named. Counted here, on
 * a clock that nobody sets, from the moment when the keys were seen to be gone: an announcer that restarts meanwhile
 * costs nothing, and a second command waits the whole time again.
 */
export class DrainWait {
  readonly #http: HostPort;
  readonly #drained: DrainAnswer;
  readonly #untilMs: number;
  readonly #say: (line: string) => void;
  #said = '';

  /** @param untilMs of `performance.now()`: when to give up */
  constructor(http: HostPort, drained: DrainAnswer, untilMs: number, say: (line: string) => void) {
    this.#http = http;
    this.#drained = drained;
    this.#untilMs = untilMs;
    this.#say = say;
  }

  /** @throws {DrainError} when it takes too long, or the drain was ended */
  async done(): Promise<void> {
    await this.#until(({ keysStanding, waitingFor }) => {
      if (keysStanding === 0 && waitingFor === undefined) return true;
      const keys = `${keysStanding} ${keysStanding === 1 ? 'key' : 'keys'}`;
      this.#sayOnce(`waiting for ${keysStanding === 0 ? 'the store' : `${keys} to go from the store`}`, waitingFor);
      return false;
    });
    const { waitSeconds, containers } = this.#drained;
    if (waitSeconds > 0) {
      const ttl = Math.max(0, ...containers.map(({ largestTtlSeconds }) => largestTtlSeconds));
      this.#say(`gone from the store; waiting ${waitSeconds} s: the largest TTL handed out (${ttl} s) and a margin`);
    }
    const overMs = performance.now() + waitSeconds * 1000;
    if (overMs > this.#untilMs) {
      throw new DrainError(
        `a client may hold an answer for ${waitSeconds} s more, and --timeout does not leave so much; what is drained stays so`,
      );
    }
    await this.#until(({ keysStanding }) => {
      if (keysStanding > 0)
        throw new DrainError('a key stands again; something else announces it, see `rollcall explain`');
      return performance.now() >= overMs;
    });
    this.#say('drained: no client can hold an answer any more');
  }

  async #until(isDone: (progress: Progress) => boolean): Promise<void> {
    for (;;) {
      const progress = await this.#ask();
      if (progress !== undefined && !progress.isDraining) {
        throw new DrainError(
          'the drain was ended meanwhile: by `rollcall undrain`, or because a container was started anew',
        );
      }
      if (progress !== undefined && isDone(progress)) return;
      if (performance.now() > this.#untilMs) {
        throw new DrainError(
          'not done within --timeout; what is drained stays so: run the command again, or `rollcall undrain`',
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** @returns undefined when the announcer does not say, as while it restarts */
  async #ask(): Promise<Progress | undefined> {
    try {
      const parts: Progress[] = [];
      for (const query of this.#queries()) parts.push(await askDaemon<Progress>(this.#http, '/v1/drain', query));
      const waitingFor = parts.find((part) => part.waitingFor !== undefined)?.waitingFor;
      return {
        keysStanding: parts.reduce((sum, part) => sum + part.keysStanding, 0),
        ...(waitingFor === undefined ? {} : { waitingFor }),
        isDraining: parts.every((part) => part.isDraining),
      };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#sayOnce('waiting for the announcer', error.message);
      return undefined;
    }
  }

  #queries(): Record<string, string>[] {
    const { host, containers } = this.#drained;
    if (host) return [{ host: 'true' }];
    const ids = containers.map(({ container }) => container);
    const starts = Array.from({ length: Math.ceil(ids.length / IDS_PER_REQUEST) }, (_, at) => at * IDS_PER_REQUEST);
    return starts.map((start) => ({ of: ids.slice(start, start + IDS_PER_REQUEST).join(',') }));
  }

  #sayOnce(what: string, why: string | undefined): void {
    const line = why === undefined ? what : `${what} (${why})`;
    if (line === this.#said) return;
    this.#said = line;
    this.#say(line);
  }
}
