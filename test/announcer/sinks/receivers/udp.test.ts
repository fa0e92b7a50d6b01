import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SinkError } from '../../../../announcer/sinks/receiver.ts';
import { UdpReceiver } from '../../../../announcer/sinks/receivers/udp.ts';

const test = suite('announcer/sink-udp');

/** A receiver whose name server says nothing. */
const receiver = (): UdpReceiver =>
  new UdpReceiver({ host: 'logs.example.org', port: 514, message: () => '', lookup: () => new Promise(() => {}) });

/** What a delivery that is to fail fails with. */
async function failure(delivering: Promise<unknown>): Promise<unknown> {
  try {
    await delivering;
  } catch (error) {
    return error;
  }
  throw new Error('it was delivered');
}

test('a lookup that is never answered does not keep the announcer from stopping', async () => {
  const abort = new AbortController();
  const delivering = failure(receiver().deliver([], abort.signal));
  abort.abort();
  assert.instance(await delivering, SinkError);
});

test('nothing is looked up for long once the announcer stops', async () => {
  assert.instance(await failure(receiver().deliver([], AbortSignal.abort())), SinkError);
});

test('a name that cannot be resolved is an error of the delivery', async () => {
  const lookup = (): Promise<never> => Promise.reject(new Error('getaddrinfo ENOTFOUND logs.example.org'));
  const receiving = new UdpReceiver({ host: 'logs.example.org', port: 514, message: () => '', lookup });
  const error = await failure(receiving.deliver([], new AbortController().signal));
  assert.match((error as Error).message, 'ENOTFOUND');
});

test.run();
