import { announcerCommand } from './announcer.ts';
import { atCommand } from './at.ts';
import { diffCommand } from './diff.ts';
import { doctorCommand } from './doctor.ts';
import { drainCommand } from './drain.ts';
import { explainCommand } from './explain.ts';
import { historyCommand } from './history.ts';
import { journalCommand } from './journal.ts';
import { lsCommand } from './ls.ts';
import { runProgram } from './program.ts';
import { replayCommand } from './replay.ts';
import { resolverCommand } from './resolver.ts';
import { runCommand } from './run.ts';
import { undrainCommand } from './undrain.ts';
import { upCommand } from './up.ts';
import { watchCommand } from './watch.ts';

const commands = [
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
  journalCommand,
  replayCommand,
  watchCommand,
];
process.exitCode = await runProgram(commands, process.argv.slice(2));
