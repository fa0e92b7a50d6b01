import { createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Namespaces } from '../../../announcer/checks/namespaces.ts';
import type { Reply } from '../../../announcer/checks/probe-attempt.ts';
import { canUnshare } from '../../support/servers/machine.ts';
import { freePort } from '../../support/servers/ports.ts';

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
}

test.run();
