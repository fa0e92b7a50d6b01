import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type EntranceCalls, openEntrance } from '../../../announcer/checks/entrance.ts';
import { HELPERS_MAX, Namespaces } from '../../../announcer/checks/namespaces.ts';
import type { Reply } from '../../../announcer/checks/probe-attempt.ts';
import { linkOfProc, listProc } from '../../../shared/proc.ts';
import { canUnshare } from '../../support/servers/machine.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/namespaces';
const test = suite(SUITE);

/** By helpers, and by sockets that are made inside where koffi is. */
const WAYS: readonly [name: string, open: () => Pick<Namespaces, 'attempt' | 'close'> | undefined][] = [
  ['a helper', () => new Namespaces()],
  ['a socket made inside', () => openEntrance()],
];

/** Asks a server of this process, in the namespace of this process. @param current what is said of the pid, each time */
async function ask(
  namespaces: Pick<Namespaces, 'attempt' | 'close'>,
  ...current: boolean[]
): Promise<{ readonly reply: Reply; readonly connections: number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  try {
    const request = { kind: 'tcp', hosts: ['127.0.0.1'], port, path: '', timeoutMs: 2000 } as const;
    const reply = await namespaces.attempt(process.pid, request, () => current.shift() === true);
    return { reply, connections };
  } finally {
    namespaces.close();
    server.close();
  }
}

/** Calls that answer as told. @param errno of a socket that cannot be made; 0 makes none fail */
function calls(entering: number, errno = 0, said: string[] = []): EntranceCalls {
  return {
    enter: () => {
      said.push('enter');
      return entering;
    },
    socket: () => {
      said.push('socket');
      return -1;
    },
    errno: () => errno,
  };
}

test('sockets are made inside only where koffi is, and the right to enter', () => {
  assert.is(openEntrance({ ok: false, reason: 'no koffi' }), undefined);
  assert.is(openEntrance({ ok: true, made: calls(-1) }), undefined);
});

test('a socket that cannot be made inside: it comes back, and a shortage says nothing of the service', async () => {
  const request = { kind: 'tcp', hosts: ['127.0.0.1'], port: 9, path: '', timeoutMs: 2000 } as const;
  for (const [errno, isUnknown, detail] of [
    [24, true, 'connect to 9/tcp cannot be tried: EMFILE'],
    [97, undefined, 'connect to 9/tcp: socket EAFNOSUPPORT'],
  ] as const) {
    const said: string[] = [];
    const entrance = openEntrance({ ok: true, made: calls(0, errno, said) });
    const reply = await entrance?.attempt(process.pid, request, () => true);
    entrance?.close();
    assert.equal([reply?.passing, reply?.isUnknown, reply?.detail], [false, isUnknown, detail]);
    assert.equal(said, ['enter', 'enter', 'socket', 'enter']);
  }
});

const HELPER = fileURLToPath(new URL('../../../announcer/checks/namespace-helper.js', import.meta.url));

test('a terminal that closes ends no helper: the check under way is not failed by it', async () => {
  const helper = spawn(process.execPath, [HELPER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ask = async (id: number): Promise<string> => {
    const reply = once(helper.stdout.setEncoding('utf8'), 'data');
    const request = { kind: 'tcp', hosts: [], port: 0, path: '', timeoutMs: 0 };
    helper.stdin.write(`${JSON.stringify({ id, request })}\n`);
    return String(await reply);
  };
  assert.match(await ask(1), '"id":1');
  helper.kill('SIGHUP');
  assert.match(await ask(2), '"id":2');
  helper.stdin.end();
  assert.equal(await once(helper, 'exit'), [0, null]);
});

if (!canUnshare('-n')) console.log(`SKIP ${SUITE}: needs the right to enter a namespace (root, CAP_SYS_ADMIN)`);
else {
  for (const [way, open] of WAYS) {
    if (open() === undefined) {
      console.log(`SKIP ${SUITE}, ${way}: the optional package koffi is missing`);
      continue;
    }
    const opened = () => open() as NonNullable<ReturnType<typeof open>>;

    test(`${way}: asks inside while the pid is still the container’s`, async () => {
      const { reply } = await ask(opened(), true, true);
      assert.is(reply.passing, true, reply.detail);
    });

    test(`${way}: asks nobody when the pid became another’s before or while its namespace was entered`, async () => {
      const { reply, connections } = await ask(opened(), false);
      assert.equal([reply.passing, reply.reached, connections], [false, false, 0]);
    });
  }

  test('a helper: asks nobody when the pid became another’s while it was started', async () => {
    const { reply, connections } = await ask(new Namespaces(), true, false);
    assert.equal([reply.passing, reply.reached, connections], [false, false, 0]);
  });

  test('sockets made inside: what serves in there is asked, not what serves here, and this process stays where it is', async () => {
    const entrance = openEntrance();
    if (entrance === undefined) return;
    const own = linkOfProc('/proc/self/ns/net');
    const port = await freePort();
    const script = `require('net').createServer((c) => c.on('error', () => 0).once('data', () => c.end('HTTP/1.1 204 inside\\r\\n\\r\\n'))).listen(${port})`;
    const up = 'ip link set lo up && exec "$@"';
    const inside = spawn('unshare', ['-n', 'sh', '-c', up, '-', process.execPath, '-e', script]);
    const outside = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 500 outside\r\n\r\n')));
    await new Promise<void>((resolve) => outside.listen(port, '127.0.0.1', resolve));
    try {
      const { pid = 0 } = inside;
      await until('the namespace', () => ![own, ''].includes(linkOfProc(`/proc/${pid}/ns/net`)));
      const request = { kind: 'http', hosts: ['127.0.0.1', '::1'], port, path: '/', timeoutMs: 2000 } as const;
      await until('the server inside', async () => (await entrance.attempt(pid, request, () => true)).passing);
      const descriptors = listProc('/proc/self/fd').length;
      const replies = await Promise.all(Array.from({ length: 200 }, () => entrance.attempt(pid, request, () => true)));
      assert.equal([...new Set(replies.map(({ detail }) => detail))], ['GET / answered 204']);
      assert.is(linkOfProc('/proc/thread-self/ns/net'), own);
      await until('every descriptor closed', () => listProc('/proc/self/fd').length <= descriptors);
      entrance.close();
      assert.is((await entrance.attempt(pid, request, () => true)).reached, false, 'closed: nobody is asked');
    } finally {
      inside.kill('SIGKILL');
      outside.close();
    }
  });

  test('more namespaces at once than there are helpers: each is asked in its turn, and none is said not to be entered', async () => {
    const own = linkOfProc('/proc/self/ns/net');
    const inside = Array.from({ length: HELPERS_MAX + 4 }, () => spawn('unshare', ['-n', 'sleep', '300']));
    const namespaces = new Namespaces();
    try {
      await until('the namespaces', () =>
        inside.every(({ pid }) => ![own, ''].includes(linkOfProc(`/proc/${pid}/ns/net`))),
      );
      const request = { kind: 'tcp', hosts: ['127.0.0.1'], port: 9, path: '', timeoutMs: 30_000 } as const;
      const replies = await Promise.all(inside.map(({ pid = 0 }) => namespaces.attempt(pid, request, () => true)));
      // Their loopback is down. A machine that is too slow to start so many helpers at once does not know.
      const details = replies.flatMap(({ detail, isUnknown }) => (isUnknown ? [] : [detail]));
      assert.equal([...new Set(details)], ['connect to 9/tcp: no route to it from here']);
    } finally {
      namespaces.close();
      for (const child of inside) child.kill('SIGKILL');
    }
  });
}

test.run();
