import { createServer, type Server, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attempt, type Reply } from '../../../announcer/checks/probe-attempt.ts';
import { freePort } from '../../support/servers/ports.ts';

const test = suite('integration/probe-attempt');

interface Asked {
  readonly kind?: 'tcp' | 'http';
  readonly hosts?: readonly string[];
  readonly path?: string;
  readonly timeoutMs?: number;
}

/** Asks a server that does with each connection what it is told. */
async function ask(serve: (socket: Socket) => void, asked: Asked = {}): Promise<Reply> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const { kind = 'http', hosts = ['127.0.0.1'], path = '/health', timeoutMs = 10_000 } = asked;
    return await attempt({ kind, hosts, port, path, timeoutMs });
  } finally {
    server.close();
  }
}

const answering = (text: string) => (socket: Socket) => socket.once('data', () => socket.write(text));

const ANSWERS: readonly [what: string, text: string, passing: boolean, detail: string][] = [
  ['200', 'HTTP/1.1 200 OK\r\n\r\n', true, 'GET /health answered 200'],
  ['204 without a reason', 'HTTP/1.1 204\r\n\r\n', true, 'GET /health answered 204'],
  ['302', 'HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n', true, 'GET /health answered 302'],
  ['404', 'HTTP/1.1 404 Not Found\r\n\r\n', false, 'GET /health answered 404'],
  ['503 of HTTP/1.0', 'HTTP/1.0 503 Unavailable\r\n\r\n', false, 'GET /health answered 503'],
  [
    '200 after 103',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    true,
    'GET /health answered 200',
  ],
  ['503 after 100', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n', false, 'GET /health answered 503'],
  ['what is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', false, 'GET /health: what answers does not speak HTTP'],
];

for (const [what, text, passing, detail] of ANSWERS) {
  test(`http: ${what} ${passing ? 'passes' : 'fails'}`, async () => {
    const reply = await ask(answering(text));
    assert.equal([reply.passing, reply.reached, reply.detail], [passing, true, detail]);
  });
}

test('http: asks with the query, and shows no value of it', async () => {
  let head = '';
  const serve = (socket: Socket): void => {
    socket.once('data', (chunk) => {
      head = chunk.toString();
      socket.write('HTTP/1.1 403 No\r\n\r\n');
    });
  };
  const { detail } = await ask(serve, { path: '/ok?token=hunter2&x' });
  assert.is(head.split('\r\n')[0], 'GET /ok?token=hunter2&x HTTP/1.1');
  assert.is(detail, 'GET /ok?token=***&*** answered 403');
});

test('http: reads an answer that comes octet by octet', async () => {
  const reply = await ask((socket) => {
    socket.setNoDelay(true);
    socket.once('data', () => {
      for (const octet of 'HTTP/1.1 200 OK\r\n\r\n') socket.write(octet);
    });
  });
  assert.is(reply.passing, true);
});

test('http: sends one request line with the path, a host, and no body', async () => {
  let request = '';
  await ask(
    (socket) => {
      socket.on('data', (chunk) => {
        request += chunk.toString();
        if (request.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
      });
    },
    { path: '/ready?full=1' },
  );
  assert.match(request, /^GET \/ready\?full=1 HTTP\/1\.1\r\nHost: localhost:\d+\r\n/);
});

test('http: no answer in time fails, and says how long', async () => {
  const reply = await ask(() => undefined, { timeoutMs: 300 });
  assert.equal([reply.passing, reply.reached], [false, false]);
  assert.is(reply.detail, 'GET /health: no answer within 0.3 s');
});

test('http: a connection closed without an answer fails', async () => {
  const reply = await ask((socket) => socket.once('data', () => socket.end()));
  assert.is(reply.detail, 'GET /health: closed without an answer');
});

test('http: an endless answer without a status is cut', async () => {
  const reply = await ask(answering(`HTTP/1.1 100 Continue\r\n${'x'.repeat(200_000)}`));
  assert.is(reply.passing, false);
});

test('tcp: passes when the connection stands, whatever is said', async () => {
  const reply = await ask(() => undefined, { kind: 'tcp' });
  assert.is(reply.passing, true);
});

test('tcp: refused is reached, and refused', async () => {
  const reply = await attempt({ kind: 'tcp', hosts: ['127.0.0.1'], port: await freePort(), path: '', timeoutMs: 300 });
  assert.equal([reply.passing, reply.reached, reply.isRefused], [false, true, true]);
  assert.match(reply.detail, /connection refused/);
});

test('asks the next address when one refuses', async () => {
  const reply = await ask(() => undefined, { kind: 'tcp', hosts: ['127.0.0.2', '127.0.0.1'] });
  assert.is(reply.passing, true);
});

test('is not reached without an address', async () => {
  const reply = await attempt({ kind: 'tcp', hosts: [], port: 80, path: '', timeoutMs: 300 });
  assert.equal([reply.passing, reply.reached], [false, false]);
});

test.run();
