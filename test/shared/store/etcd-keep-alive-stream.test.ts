import { EventEmitter } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RpcError, STATUS } from '../../../shared/store/etcd/errors.ts';
import { KeepAliveStream, type OpenedStream } from '../../../shared/store/etcd/keep-alive-stream.ts';

const TIMEOUT_MS = 20;
const test = suite('shared/store/etcd/keep-alive-stream');

/** What one call sends, and what the test lets etcd say. */
class ScriptedCall extends EventEmitter {
  readonly asked: string[] = [];
  isCancelled = false;
  write({ ID }: { readonly ID: string }): void {
    this.asked.push(ID);
  }
  cancel(): void {
    this.isCancelled = true;
  }
  answer(id: string, seconds: number): void {
    this.emit('data', { ID: id, TTL: String(seconds) });
  }
}

function scripted(): { readonly keepAlives: KeepAliveStream; readonly calls: ScriptedCall[] } {
  const calls: ScriptedCall[] = [];
  const open = async (): Promise<OpenedStream> => {
    const stream = new ScriptedCall();
    calls.push(stream);
    return { stream, errorOf: (error) => error as RpcError };
  };
  return { keepAlives: new KeepAliveStream(open, TIMEOUT_MS), calls };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    return error as RpcError;
  }
  throw new Error('did not fail');
}

test('all leases share one call, and each gets its own answer', async () => {
  const { keepAlives, calls } = scripted();
  const renewals = ['1', '2', '1'].map((lease) => keepAlives.renew(lease));
  await turn();
  const [call] = calls as [ScriptedCall];
  assert.equal(call.asked, ['1', '2', '1']);
  call.answer('2', 20);
  call.answer('1', 10);
  call.answer('1', 11);
  assert.equal(
    (await Promise.all(renewals)).map(({ TTL }) => TTL),
    ['10', '20', '11'],
  );
  const later = keepAlives.renew('3');
  await turn();
  call.answer('3', 30);
  assert.is((await later).TTL, '30');
  assert.is(calls.length, 1);
});

test('a keepalive without an answer fails all that wait, ends the call, and the next one begins another', async () => {
  const { keepAlives, calls } = scripted();
  const [first, second] = await Promise.all([failure(keepAlives.renew('1')), failure(keepAlives.renew('2'))]);
  assert.equal([first.status, second.status], [STATUS.deadlineExceeded, STATUS.deadlineExceeded]);
  assert.ok(calls[0]?.isCancelled);
  const next = keepAlives.renew('1');
  await turn();
  // What the old call still brings is nobody's answer.
  calls[0]?.answer('1', 1);
  calls[0]?.emit('error', new RpcError(STATUS.unavailable, 'cancelled'));
  calls[1]?.answer('1', 15);
  assert.is((await next).TTL, '15');
});

for (const [how, end] of [
  ['fails', (call: ScriptedCall) => call.emit('error', new RpcError(STATUS.unavailable, 'gone'))],
  ['ends', (call: ScriptedCall) => call.emit('end')],
] as const) {
  test(`a call that ${how} fails what waits`, async () => {
    const { keepAlives, calls } = scripted();
    const failed = failure(keepAlives.renew('1'));
    await turn();
    end(calls[0] as ScriptedCall);
    assert.is((await failed).status, STATUS.unavailable);
  });
}

test('a call that cannot be opened fails what waits, and is tried again by the next', async () => {
  let isAway = true;
  const call = new ScriptedCall();
  const open = async (): Promise<OpenedStream> => {
    if (isAway) throw new RpcError(STATUS.unauthenticated, 'invalid auth token');
    return { stream: call, errorOf: (error) => error as RpcError };
  };
  const keepAlives = new KeepAliveStream(open, TIMEOUT_MS);
  assert.is((await failure(keepAlives.renew('1'))).status, STATUS.unauthenticated);
  isAway = false;
  const renewal = keepAlives.renew('1');
  await turn();
  call.answer('1', 5);
  assert.is((await renewal).TTL, '5');
});

test.run();
