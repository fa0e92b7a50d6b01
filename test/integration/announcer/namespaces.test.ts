import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HELPERS_MAX, Namespaces } from '../../../announcer/checks/namespaces.ts';
import type { Reply } from '../../../announcer/checks/probe-attempt.ts';
import { linkOfProc } from '../../../shared/proc.ts';
import { canUnshare } from '../../support/servers/machine.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/namespaces';
const test = suite(SUITE);

/** Asks a server of this process, in the namespace of this process. @param current what is said of the pid, each time */
async function ask(...current: boolean[]): Promise<{ readonly reply: Reply; readonly connections: number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const namespaces = new Namespaces();
  try {
    const request = { kind: 'tcp', hosts: ['127.0.0.1'], port, path: '', timeoutMs: 2000 } as const;
    const reply = await namespaces.attempt(process.pid, request, () => current.shift() === true);
    return { reply, connections };
  } finally {
    namespaces.close();
    server.close();
  }
}

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
  test('asks inside while the pid is still the container’s', async () => {
    const { reply } = await ask(true, true);
    assert.is(reply.passing, true, reply.detail);
  });

  test('asks nobody when the pid became another’s before or while its namespace was entered', async () => {
    for (const current of [[false], [true, false]]) {
      const { reply, connections } = await ask(...current);
      assert.equal([reply.passing, reply.reached, connections], [false, false, 0]);
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
