/** A daemon whose log or standard output cannot be written: it answers as if nothing were the matter. */
import { closeSync, openSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askUdp } from '../support/servers/dns-client.ts';
import { freePort } from '../support/servers/ports.ts';
import { ready, startRollcall } from '../support/servers/rollcall.ts';
import { stalledPipe } from '../support/stalled-pipe.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const test = suite('integration/failing-output');

/** Starts `up`, asks it by HTTP and DNS, and stops it. */
async function answersWith(outputs: { readonly stdout?: number; readonly stderr?: number }): Promise<void> {
  const [http, port] = [await freePort(), await freePort()];
  const args = [
    ...['up', '--data-dir', temporaryDirectory(), '--host-name', 'node-1', '--services', 'examples/services.json'],
    ...['--docker', 'unix:///nonexistent.sock', '--forward', 'none', '--log-level', 'debug'],
    ...['--http', `127.0.0.1:${http}`, '--listen', `127.0.0.1:${port}`],
  ];
  const daemon = startRollcall(args, {}, outputs);
  await ready(http);
  const answer = await askUdp({ host: '127.0.0.1', port }, { name: 'web.s.prod.example.com' });
  assert.is(answer.answers?.length, 2);
  assert.is(await daemon.end('SIGTERM'), 0);
}

test('a full disk under the log, or under standard output', async () => {
  const full = openSync('/dev/full', 'w');
  await answersWith({ stderr: full });
  await answersWith({ stdout: full, stderr: full });
  closeSync(full);
});

test('a pipe under the log that nobody reads', async () => {
  const pipe = stalledPipe();
  await answersWith({ stderr: pipe.fd });
  pipe.close();
});

test.run();
