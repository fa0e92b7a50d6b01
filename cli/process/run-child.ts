import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldSignals, isEnding } from './held-signals.ts';

/** The command could not be run; the exit code is that of a shell. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  readonly exitCode: number;
  constructor(message: string, exitCode: number, options: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export interface Forwarding {
  /** Before a signal that ends the command is forwarded. */
  readonly before: (signal: NodeJS.Signals) => Promise<void>;
  /** Between that and the signal. */
  readonly drainMs: number;
  /** Told once, when the command runs on {@link OUTLIVED_AFTER_MS} after it. */
  readonly onOutlived: (signal: NodeJS.Signals) => void;
}

/** As long as `docker stop` waits. */
export const OUTLIVED_AFTER_MS = 10_000;

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** A command with this process' input and output, and what becomes of it. */
export class RunningChild {
  readonly pid: number;
  /** Exit code; 128 + n when signal n ended it. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.ended = once(child, 'exit').then(([code, signal]: (number | NodeJS.Signals | null)[]) =>
      typeof code === 'number' ? code : exitCodeOf(signal as NodeJS.Signals),
    );
  }

  /** @throws {SpawnError} when there is no such command, or it cannot be run */
  static async start([command = '', ...args]: readonly string[]): Promise<RunningChild> {
    const child = spawn(command, args, { stdio: 'inherit' });
    try {
      await once(child, 'spawn');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw new SpawnError(`${command}: no such command`, NOT_FOUND, { cause: error });
      throw new SpawnError(`${command} cannot be run: ${message}`, NOT_EXECUTABLE, { cause: error });
    }
    return new RunningChild(child, child.pid as number);
  }

  /**
   * Signals of this process go to the command: those that end it after `before` and the drain, and at once when they come
   * again. A terminal sends its Ctrl-C to the command as well, so that one is not sent twice.
   */
  forwardSignals(signals: HeldSignals, { before, drainMs, onOutlived }: Forwarding): void {
    let isEndingNow = false;
    signals.passTo((signal) => {
      if (!isEnding(signal) || isEndingNow) {
        this.#child.kill(signal);
        return;
      }
      isEndingNow = true;
      const isSentByTerminal = signal !== 'SIGTERM' && process.stdin.isTTY;
      void before(signal).then(async () => {
        await this.#runsFor(drainMs);
        if (!isSentByTerminal) this.#child.kill(signal);
        if (await this.#runsFor(OUTLIVED_AFTER_MS)) onOutlived(signal);
      });
    });
  }

  /** Waits so long, and not past the command's own end. @returns whether it runs still */
  #runsFor(ms: number): Promise<boolean> {
    return Promise.race([sleep(ms, true, { ref: false }), this.ended.then(() => false)]);
  }
}

/** As a shell tells it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
