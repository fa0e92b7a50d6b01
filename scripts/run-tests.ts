/**
 * Runs the test files, each in a process of its own, and ends with `N passed, N failed[, N skipped]`.
 *
 *   node dist/scripts/run-tests.js [unit|integration|end-to-end ...] [--only TEXT]
 *
 * uvu exits 0 when a suite was never run and when no file matches, so a file that reports no tests has failed here. A
 * suite that cannot run on this machine prints `SKIP <suite>: <what is missing>`; those lines are repeated at the end.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { sourceFiles } from './source-files.ts';

interface Kind {
  readonly name: string;
  readonly folders: readonly string[];
  readonly parallel: number;
  /** Of a file: several times what the slowest takes on a machine with two busy cores. It ends what hangs, and measures nothing. */
  readonly timeoutMs: number;
  /** Files that mostly wait, for minutes: they run beside the others from the beginning, and assert no latency. */
  readonly beside?: readonly string[];
}

const KINDS: readonly Kind[] = [
  {
    name: 'unit',
    folders: ['test/shared', 'test/announcer', 'test/resolver', 'test/cli', 'test/docs', 'test/scripts'],
    parallel: availableParallelism(),
    timeoutMs: 600_000,
  },
  // Real servers with deadlines of their own: two at once keep both cores busy without starving either.
  { name: 'integration', folders: ['test/integration'], parallel: 2, timeoutMs: 900_000 },
  {
    name: 'end-to-end',
    folders: ['test/end-to-end'],
    parallel: 1,
    timeoutMs: 1_800_000,
    beside: ['test/end-to-end/day.test.ts'],
  },
];

interface Result {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
  readonly seconds: number;
  readonly output: string;
}

function count(output: string, label: string): number {
  let sum = 0;
  for (const match of output.matchAll(new RegExp(`^ {2}${label}:\\s+(\\d+)`, 'gm'))) sum += Number(match[1]);
  return sum;
}

/**
 * Ends a file's process by exit() once it has nothing left to do. Node's own way then closes what is still open, and in one of
 * some ten runs waits for ever for the request of a connection that was reset (20.20, Environment::CleanupHandles).
 */
const END_BY_EXIT = `data:text/javascript,${encodeURIComponent("process.once('beforeExit', () => process.exit());")}`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour code
const COLOURS = /\u001b\[\d+m/g;

function runFile(file: string, timeoutMs: number): Promise<Result> {
  const started = performance.now();
  const built = join('dist', file.replace(/\.ts$/, '.js'));
  const child = spawn(process.execPath, ['--import', END_BY_EXIT, '--enable-source-maps', built], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGTERM');
    // A test that ignores SIGTERM holds servers; their own exit handlers had their chance.
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  }, timeoutMs);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      output = output.replace(COLOURS, '');
      if (timedOut) output += `\nno end within ${timeoutMs / 1000} s: a handle is open, or a condition never came\n`;
      resolve(judge(file, output, code, signal, (performance.now() - started) / 1000));
    });
  });
}

function judge(file: string, output: string, code: number | null, signal: string | null, seconds: number): Result {
  const total = count(output, 'Total');
  const passed = count(output, 'Passed');
  const skips = output.split('\n').filter((line) => line.startsWith('SKIP '));
  let failed = total - passed - count(output, 'Skipped');
  let note = '';
  if (failed === 0 && code !== 0) {
    failed = 1;
    note = `\nended with ${signal ?? `exit code ${code}`}\n`;
  } else if (failed === 0 && total === 0 && skips.length === 0) {
    failed = 1;
    note = '\nran no test: is `.run()` missing?\n';
  }
  return { file, passed, failed, skips, seconds, output: output + note };
}

async function runKind(kind: Kind, only: string): Promise<Result[]> {
  const files = sourceFiles(kind.folders).filter((file) => file.endsWith('.test.ts') && file.includes(only));
  const isBeside = (file: string): boolean => kind.beside?.includes(file) === true;
  const waiting = files.filter((file) => !isBeside(file));
  const results: Result[] = [];
  const run = async (file: string): Promise<void> => {
    const result = await runFile(file, kind.timeoutMs);
    results.push(result);
    report(result);
  };
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file);
  };
  await Promise.all([...files.filter(isBeside).map(run), ...Array.from({ length: kind.parallel }, worker)]);
  return results;
}

function report({ file, passed, failed, skips, seconds, output }: Result): void {
  const verdict = failed > 0 ? 'FAILED' : skips.length > 0 && passed === 0 ? 'skipped' : 'ok';
  console.log(`${verdict.padEnd(8)}${file} (${passed} tests, ${seconds.toFixed(1)} s)`);
  if (failed > 0) console.log(output.replace(/^/gm, '    | '));
}

async function main(args: readonly string[]): Promise<void> {
  const onlyAt = args.indexOf('--only');
  const only = onlyAt === -1 ? '' : (args[onlyAt + 1] ?? '');
  const names = args.filter((_arg, at) => onlyAt === -1 || (at !== onlyAt && at !== onlyAt + 1));
  const unknown = names.filter((name) => !KINDS.some((kind) => kind.name === name));
  if (unknown.length > 0) throw new Error(`no such kind of test: ${unknown.join(', ')}`);
  const results: Result[] = [];
  for (const kind of KINDS) {
    if (names.length === 0 || names.includes(kind.name)) results.push(...(await runKind(kind, only)));
  }
  const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0);
  const skips = results.flatMap((result) => result.skips);
  const failed = results.length === 0 ? 1 : sum((result) => result.failed);
  if (results.length === 0) console.log('no test file matched');
  console.log('');
  for (const skip of skips) console.log(skip);
  for (const result of results.filter((each) => each.failed > 0)) console.log(`failed: ${result.file}`);
  const skipped = skips.length === 0 ? '' : `, ${skips.length} skipped`;
  console.log(`${sum((result) => result.passed)} passed, ${failed} failed${skipped}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main(process.argv.slice(2));
