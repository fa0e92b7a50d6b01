import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startRollcall } from '../../support/servers/rollcall.ts';
import { until } from '../../support/until.ts';

const test = suite('cli/watch');

type Answer = (response: ServerResponse) => void;

/** A daemon that answers the requests of `/v1/events` one after the other with `answers`, the last of them again and again. */
async function daemon(...answers: Answer[]) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/v1/events')) {
      response.end('{}');
      return;
    }
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(request);
    answer?.(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { asked, http: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

const refuse =
  (status: number, code: string, message: string): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code, message } }));
  };
const follow =
  (...blocks: string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const block of blocks) response.write(`${block}\n\n`);
  };
const EVENT = 'id: 8\nevent: AnnouncerStarted\ndata: {"type":"AnnouncerStarted","atMs":0,"host":"a"}';

test('a daemon that is starting is waited for, also the first time, and that is said once', async () => {
  const starting = refuse(503, 'starting', 'the journal of the resolver is not open yet');
  const { asked, http, close } = await daemon(starting, starting, follow(EVENT));
  const watching = startRollcall(['watch', '--json', '--http', http]);
  await until('the event', () => watching.stdout().includes('AnnouncerStarted') || undefined);
  assert.is(asked.length, 3);
  assert.is(watching.stderr(), `watch: the daemon on ${http} is starting; waiting for it\n`);
  await watching.end('SIGTERM');
  close();
});

test('what happens in a break is asked for, also when nothing had happened before it', async () => {
  const breaks: Answer = (response) => {
    follow(': rollcall events of resolver\nid: 5')(response);
    setImmediate(() => response.destroy());
  };
  const { asked, http, close } = await daemon(breaks, follow(EVENT));
  const watching = startRollcall(['watch', 'web', '--json', '--http', http]);
  await until('the event', () => watching.stdout().includes('AnnouncerStarted') || undefined);
  assert.equal(
    asked.map(({ headers }) => headers['last-event-id']),
    [undefined, '5'],
  );
  await watching.end('SIGTERM');
  close();
});

test('a daemon that refuses for another reason is not asked again', async () => {
  const { asked, http, close } = await daemon(refuse(429, 'busy', '64 readers follow the events already'));
  const watching = startRollcall(['watch', '--http', http]);
  assert.is(await watching.ended, 1);
  assert.is(asked.length, 1);
  assert.is(watching.stderr(), 'watch: 64 readers follow the events already\n');
  close();
});

test.run();
