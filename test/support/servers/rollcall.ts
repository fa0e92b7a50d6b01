import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from '../until.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.js', import.meta.url));

/** A `rollcall` command as a process of its own, as a user runs it. */
export interface RollcallProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Its log lines so far, parsed. */
  readonly log: () => Record<string, unknown>[];
  /** Resolves with the first log line of this event that there is, or comes. */
  readonly logged: (event: string, timeoutMs?: number) => Promise<Record<string, unknown>>;
  /** Sends the signal and waits for the end. @returns exit code, or the signal's name */
  readonly end: (signal: NodeJS.Signals) => Promise<number | string>;
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<number | string>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a command. Wait for what the test needs next: a log line, or the HTTP side's `/ready`.
 *
 * @param outputs descriptors instead of what the test reads: nothing is known of what is written there
 */
export function startRollcall(
  args: readonly string[],
  environment: Record<string, string> = {},
  outputs: { readonly stdout?: number; readonly stderr?: number } = {},
): RollcallProcess {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN, ...args], {
    stdio: ['ignore', outputs.stdout ?? 'pipe', outputs.stderr ?? 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => {
    running.delete(child);
    return code ?? signal ?? 0;
  });
  const log = (): Record<string, unknown>[] =>
    stderr
      .split('\n')
      .slice(0, -1) // a line may be on its way
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    log,
    logged: (event, timeoutMs = 60_000) =>
      until(`log line ${event} of rollcall ${args[0]}`, () => log().find((line) => line.event === event), {
        timeoutMs,
      }),
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
    ended,
  };
}

/** Runs a command to its end. */
export async function rollcall(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ exit: number | string; stdout: string; stderr: string }> {
  const command = startRollcall(args, environment);
  const exit = await command.ended;
  return { exit, stdout: command.stdout(), stderr: command.stderr() };
}

/** Waits until the daemon's `/ready` says yes. */
export async function ready(httpPort: number, timeoutMs = 60_000): Promise<void> {
  let last = '';
  await until(
    `/ready on port ${httpPort}`,
    async () => {
      const response = await fetch(`http://127.0.0.1:${httpPort}/ready`);
      last = await response.text();
      if (!response.ok) throw new Error(last);
      return true;
    },
    { timeoutMs, everyMs: 25 },
  );
}
