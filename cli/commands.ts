import type { Command } from './command.ts';
import { announcerCommand } from './commands/announcer.ts';
import { atCommand } from './commands/at.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { drainCommand } from './commands/drain.ts';
import { explainCommand } from './commands/explain.ts';
import { historyCommand } from './commands/history.ts';
import { journalCommand } from './commands/journal.ts';
import { lsCommand } from './commands/ls.ts';
import { replayCommand } from './commands/replay.ts';
import { resolverCommand } from './commands/resolver.ts';
import { runCommand } from './commands/run.ts';
import { traceCommand } from './commands/trace.ts';
import { undrainCommand } from './commands/undrain.ts';
import { upCommand } from './commands/up.ts';
import { watchCommand } from './commands/watch.ts';

/** In the order of `rollcall --help`. */
export const commands: readonly Command[] = [
  upCommand,
  announcerCommand,
  resolverCommand,
  lsCommand,
  explainCommand,
  historyCommand,
  runCommand,
  doctorCommand,
  drainCommand,
  undrainCommand,
  atCommand,
  diffCommand,
  traceCommand,
  journalCommand,
  replayCommand,
  watchCommand,
];
