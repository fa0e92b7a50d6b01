import { describeProblems } from '../shared/settings.ts';
import { EXIT_USAGE } from './command.ts';

/** What commands print: answers on standard output, complaints on standard error. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Every wrong setting at once. @returns the exit code */
export function complainOfSettings(program: string, problems: readonly string[]): number {
  complain(describeProblems(program, problems));
  return EXIT_USAGE;
}
