/** UDP on every address of the machine: an answer comes from the address that was asked. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BatchListener } from '../../../resolver/serving/udp/batch.ts';
import { EveryAddressListener, OWN_SOCKETS_MAX, warnOfRoutes } from '../../../resolver/serving/udp/every-address.ts';
import type { SystemCalls } from '../../../resolver/serving/udp/system-calls.ts';
import { answering } from '../../support/answering.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { queryOctets, sendUdp } from '../../support/servers/dns-client.ts';
import { freePort } from '../../support/servers/ports.ts';
import { serving, udpPaths } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

const RECORDS = 'web.example.org host=192.0.2.1';
const LOOK_EVERY_MS = 20;

const alone = suite('integration: udp on every address, one by one');

alone('where several addresses answer by the route it is said, where only one does it is not', () => {
  const saidOf = (host: string, addresses: readonly string[]): readonly string[] => {
    const log = recordingLog();
    warnOfRoutes({ host, port: 53 }, log, () => addresses);
    return log.of('udp-answers-by-route').map(({ message }) => message);
  };
  const one = ['127.0.0.1', '192.0.2.1', '::1', 'fe80::1'];
  assert.equal(saidOf('0.0.0.0', one), []);
  assert.equal(saidOf('::', one), []);
  const [message = '', ...more] = saidOf('0.0.0.0', [...one, '192.0.2.2']);
  assert.equal(more, []);
  assert.match(message, '(192.0.2.1, 192.0.2.2) for 0.0.0.0:53');
  assert.match(message, '--listen');
  assert.is(saidOf('::', [...one, '2001:db8::1', '2001:db8::2']).length, 1);
});

alone.run();

const batched = udpPaths().find(([, calls]) => calls !== undefined)?.[1];
if (batched !== undefined) define(batched);

/** Whether `host` answers a client that is at `from` and takes answers from `host` alone. */
async function answersFrom(host: string, port: number, from: string, timeoutMs = 300): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    socket.connect(port, host);
    await once(socket, 'connect');
    const response = once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    socket.send(queryOctets({ name: 'web.example.org' }));
    await response;
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/** How binding there ends, for one who would share the port. */
async function binding(host: string, port: number): Promise<string | undefined> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const outcome = new Promise<string | undefined>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.bind(port, host, () => resolve('bound'));
  });
  const how = await outcome;
  socket.close();
  return how;
}

function define(calls: SystemCalls): void {
  const test = suite('integration: udp on every address');

  /** On 0.0.0.0, with a machine that has the addresses of `here`. */
  async function listening(here: readonly string[], shared = false, port = 0) {
    const machine = { addresses: here };
    const log = recordingLog();
    const { answerer } = answering(RECORDS);
    const fail = (error: Error): void => {
      throw error;
    };
    const listener = new EveryAddressListener({
      create: () => new BatchListener(answerer, fail, shared, calls),
      addresses: () => machine.addresses,
      lookEveryMs: LOOK_EVERY_MS,
      log,
    });
    const bound = await listener.listen({ host: '0.0.0.0', port });
    return { listener, machine, port: bound.port, log };
  }

  test('each of its addresses answers as itself, whatever the route to the client prefers', async () => {
    const { listener, port } = await listening(['127.0.0.1', '127.0.0.2', '127.0.0.3', '::1', 'fe80::1']);
    try {
      for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
        assert.ok(await answersFrom(host, port, '127.0.0.1', 2_000), host);
      }
      // One that is no interface's is answered all the same, from where the route says.
      assert.ok(await sendUdp({ host: '127.0.0.9', port }, queryOctets({ name: 'web.example.org' })));
    } finally {
      await listener.close();
    }
  });

  test('the machine’s own addresses are found', async () => {
    const [other] = Object.values(networkInterfaces())
      .flatMap((each = []) => each)
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    if (other === undefined) return console.log('SKIP a second address: this machine has none');
    const on = await serving(RECORDS, {}, { host: '0.0.0.0', systemCalls: calls });
    try {
      assert.ok(await answersFrom(other.address, on.server.port, '127.0.0.1', 2_000));
      assert.ok(await answersFrom('127.0.0.1', on.server.port, '127.0.0.1', 2_000));
    } finally {
      await on.close();
    }
  });

  test('an address that comes later is taken, one that goes is let go of', async () => {
    const { listener, machine, port } = await listening(['127.0.0.1']);
    try {
      machine.addresses = ['127.0.0.1', '127.0.0.2'];
      await until('127.0.0.2 to answer as itself', () => answersFrom('127.0.0.2', port, '127.0.0.1'));
      machine.addresses = ['127.0.0.1'];
      await until('127.0.0.2 to be any other', async () => !(await answersFrom('127.0.0.2', port, '127.0.0.1')));
      assert.ok(await answersFrom('127.0.0.1', port, '127.0.0.1', 2_000));
    } finally {
      await listener.close();
    }
  });

  test('an address that cannot be bound is left to the others, and said once it is no passing state', async () => {
    const { listener, machine, port, log } = await listening(['192.0.2.77', '127.0.0.2']);
    const said = () => log.of('udp-address-refused').map(({ message }) => message);
    try {
      assert.equal(said(), [], 'it may be new, and still tried out');
      assert.ok(await answersFrom('127.0.0.2', port, '127.0.0.1', 2_000));
      await until('it to be said', () => said().length > 0);
      assert.match(said()[0] ?? '', '192.0.2.77');
      assert.match(said()[0] ?? '', 'EADDRNOTAVAIL');
      machine.addresses = ['127.0.0.2', '127.0.0.3'];
      await until('another look', () => answersFrom('127.0.0.3', port, '127.0.0.1'));
      machine.addresses = ['192.0.2.77'];
      await until('it to be said again, for it came anew', () => said().length > 1);
      assert.is(said().length, 2);
    } finally {
      await listener.close();
    }
  });

  test('of more addresses than may have a socket it says so once, with what to do', async () => {
    const many = Array.from({ length: OWN_SOCKETS_MAX + 2 }, (_none, at) => `127.0.1.${at + 1}`);
    const { listener, machine, port, log } = await listening(many);
    const said = () => log.of('udp-addresses-over-limit').map(({ message }) => message);
    try {
      assert.is(said().length, 1);
      assert.match(said()[0] ?? '', `has ${many.length} addresses for 0.0.0.0:${port}, and ${OWN_SOCKETS_MAX} at most`);
      assert.match(said()[0] ?? '', `(${many.slice(OWN_SOCKETS_MAX).join(', ')})`);
      machine.addresses = many.slice(0, 1);
      await until('one to be let go of', async () => !(await answersFrom('127.0.1.2', port, '127.0.0.1')));
      machine.addresses = many;
      await until('it to be so again', () => said().length > 1);
      assert.is(said().length, 2);
    } finally {
      await listener.close();
    }
  });

  test('while the addresses cannot be read, those that are known answer on', async () => {
    const { listener, machine, port } = await listening(['127.0.0.1', '127.0.0.2']);
    let looks = 0;
    try {
      Object.defineProperty(machine, 'addresses', {
        get: () => {
          looks += 1;
          // As Node says it while no file descriptor is free: it asks the kernel over a socket.
          throw new Error('A system error occurred: uv_interface_addresses returned Unknown system error 24');
        },
      });
      await until('two looks', () => looks >= 2);
      assert.ok(await answersFrom('127.0.0.2', port, '127.0.0.1', 2_000));
    } finally {
      await listener.close();
    }
  });

  test('nobody else can bind the port, and all of it is free at the end', async () => {
    const { listener, port } = await listening(['127.0.0.1', '127.0.0.2']);
    for (const host of ['0.0.0.0', '127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      assert.is(await binding(host, port), 'EADDRINUSE', host);
    }
    await listener.close();
    for (const host of ['127.0.0.1', '127.0.0.2']) assert.is(await binding(host, port), 'bound', host);
  });

  test('workers have each address together', async () => {
    const port = await freePort();
    const one = await listening(['127.0.0.1', '127.0.0.2'], true, port);
    const two = await listening(['127.0.0.1', '127.0.0.2'], true, port);
    try {
      assert.ok(await answersFrom('127.0.0.2', port, '127.0.0.1', 2_000));
      await one.listener.close();
      assert.ok(await answersFrom('127.0.0.2', port, '127.0.0.1', 2_000));
    } finally {
      await two.listener.close();
    }
  });

  test.run();
}
