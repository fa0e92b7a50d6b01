import { describeProblems } from '../shared/settings-report.ts';
import { EXIT_FAILED, EXIT_USAGE } from './command.ts';

/** What commands print: answers on standard output, complaints on standard error. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

let isOutputAsked = true;

/**
 * Whoever reads what we print may leave before its end (`rollcall history web | head`), and a disk may be full below it: Node
 * would end the process with a stack trace. The first is no error; of the second a command is told, and ends with 1. Neither a
 * daemon nor a drain ends half way for it.
 */
export function outliveOutput(): void {
  let isTold = false;
  process.stderr.on('error', () => undefined); // there is nowhere left to tell it
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE' || !isOutputAsked || isTold) return;
    isTold = true;
    complain(`rollcall: standard output cannot be written: ${message}`);
    process.once('exit', () => {
      process.exitCode ||= EXIT_FAILED;
    });
  });
}

/** Of a daemon: it is not run for what it prints. */
export function doWithoutOutput(): void {
  isOutputAsked = false;
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
