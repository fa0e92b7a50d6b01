import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('cli/leftovers');

const LEFTOVERS = fileURLToPath(new URL('../../../cli/process/leftovers.js', import.meta.url));
/** Would run for a minute. */
const SCRIPT = `
  import { endDespiteLeftovers } from ${JSON.stringify(LEFTOVERS)};
  setTimeout(() => undefined, 60_000);
  endDespiteLeftovers({ warn: (event, message) => console.log(event + ': ' + message) });
  process.exitCode = 6;
`;

test('what is left over does not hold up the end, is named, and costs no exit code', async () => {
  const { code, stdout, isKilled } = await new Promise<{ code: unknown; stdout: string; isKilled: boolean }>(
    (resolve) =>
      execFile(process.execPath, ['--input-type=module', '-e', SCRIPT], { timeout: 30_000 }, (error, stdout) =>
        resolve({ code: error?.code, stdout, isKilled: error?.killed === true }),
      ),
  );
  assert.equal([code, isKilled], [6, false]);
  assert.match(stdout, /^handles-left: stopped, but held up by .*Timeout.*; ending\n$/);
});

test.run();
