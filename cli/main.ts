import { heldSignals } from './process/held-signals.ts';

const argv = process.argv.slice(2);
// Before anything else is loaded: a signal meanwhile would end this process, or be lost when it is process 1.
if (argv[0] === 'run') heldSignals();
const { outliveOutput } = await import('./output.ts');
outliveOutput();
const { runProgram } = await import('./program.ts');
const { commands } = await import('./commands.ts');
process.exitCode = await runProgram(commands, argv);
// Nothing is left to do. Node's own way to end closes what is still open first, and now and then waits for ever, with a core
// busy, for the request of a connection that was reset (Node 20.20, Environment::CleanupHandles).
process.once('beforeExit', () => process.exit());
