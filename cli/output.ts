import { describeProblems } from '../shared/settings.ts';
import { EXIT_USAGE } from './command.ts';

/** What commands print: answers on standard output, complaints on standard error. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Whoever reads what we print may leave before its end (`rollcall history web | head`). That is no error, and neither a daemon
 * nor a drain ends half way for it; Node would end the process with a stack trace.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

/** For a command that has no other end than its reader's. */
export function onReaderGone(stop: () => void): void {
  process.stdout.once('error', stop);
}

/** Every wrong setting at once. @returns the exit code */
export function complainOfSettings(program: string, problems: readonly string[]): number {
  complain(describeProblems(program, problems));
  return EXIT_USAGE;
}
