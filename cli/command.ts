import type { Environment, GivenFlags, SettingsTable } from '../shared/settings.ts';

/** One command of `rollcall`, as `program.ts` puts it on the command line and `--help` prints it. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What the command is for, when the summary does not say it all. */
  readonly description?: string;
  readonly arguments: readonly CommandArgument[];
  readonly settings: SettingsTable;
  /** Command lines that a person can type as they stand. */
  readonly examples: readonly string[];
  /** @returns the exit code: 0 done, 1 failed, 2 wrong settings or arguments */
  readonly run: (given: Given) => Promise<number>;
}

export interface CommandArgument {
  readonly name: string;
  readonly help: string;
  readonly required: boolean;
  /** The last one, and as many as are given. */
  readonly variadic?: boolean;
  /** Of a service, of a container or in DNS: none has a blank. */
  readonly isName?: boolean;
}

export interface Given {
  readonly arguments: readonly (string | undefined)[];
  readonly flags: GivenFlags;
  readonly environment: Environment;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
