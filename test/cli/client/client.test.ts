import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askDaemon, ClientError, timeoutMsOf } from '../../../cli/client/client.ts';
import { freePort } from '../../support/servers/ports.ts';

const test = suite('cli/client');

async function refused(attempt: Promise<unknown>): Promise<ClientError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
  throw new Error('it was answered');
}

test('a daemon that does not answer in time is told from one that is not there', async () => {
  const slow = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(slow, 'listening');
  const { port } = slow.address() as AddressInfo;
  const late = await refused(askDaemon({ host: '127.0.0.1', port }, '/v1/history', {}, { timeoutMs: 50 }));
  assert.is(late.brief, `127.0.0.1:${port} did not answer within 0.05 s`);
  assert.match(late.message, /ask again, or for less/);
  assert.not.match(late.message, /no daemon/);
  slow.close();
  slow.closeAllConnections();
  const none = await freePort();
  const away = await refused(askDaemon({ host: '127.0.0.1', port: none }, '/v1/history', {}));
  assert.match(away.message, `no daemon answers on 127.0.0.1:${none} (ECONNREFUSED); start one`);
});

test('what is read from a journal may take its time', () => {
  for (const path of ['/v1/history', '/v1/at', '/v1/diff', '/v1/trace', '/v1/explain']) {
    assert.is(timeoutMsOf(path), 60_000, path);
  }
  for (const path of ['/v1/services', '/v1/drain']) assert.is(timeoutMsOf(path), 10_000, path);
});

test.run();
