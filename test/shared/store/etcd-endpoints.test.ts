import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { Endpoints } from '../../../shared/store/etcd/endpoints.ts';
import { LoginError, RpcError, STATUS } from '../../../shared/store/etcd/errors.ts';
import type { Member, RangeResponse } from '../../../shared/store/etcd/member.ts';
import { StoreError } from '../../../shared/store.ts';

const test = suite('shared/store/etcd-endpoints');

const OK: RangeResponse = { header: { cluster_id: '1', revision: '1' }, kvs: [], more: false, count: '0' };
const broken = new StoreError('unavailable', 'broken');

/** A member that says `how` when it is asked whether it answers. */
function member(url: string, how: () => Promise<RangeResponse>): Member & { asked: number } {
  const calls = { asked: 0 };
  const range = (): Promise<RangeResponse> => {
    calls.asked += 1;
    return how();
  };
  return Object.assign(calls, { url, range }) as unknown as Member & { asked: number };
}

const answers = (url: string) => member(url, async () => OK);
const silent = (url: string) => member(url, () => new Promise(() => {}));
const fails = (url: string, error: Error) => member(url, () => Promise.reject(error));

test('the only member is chosen without being asked', async () => {
  const only = silent('http://a');
  const endpoints = new Endpoints([only], silentLog);
  assert.is(await endpoints.pick(), only);
  endpoints.failed(only, broken);
  assert.is(await endpoints.pick(), only);
  assert.is(only.asked, 0);
});

test('the first of several to answer is chosen, and kept; who asks meanwhile waits for the same choice', async () => {
  const [a, b] = [silent('http://a'), answers('http://b')];
  const endpoints = new Endpoints([a, b], silentLog);
  assert.equal(await Promise.all([endpoints.pick(), endpoints.pick(), endpoints.pick()]), [b, b, b]);
  await endpoints.pick();
  assert.is(b.asked, 1);
});

test('a member that failed is chosen again only when no other answers', async () => {
  const [a, b] = [answers('http://a'), silent('http://b')];
  const endpoints = new Endpoints([a, b], silentLog);
  assert.is(await endpoints.pick(), a);
  endpoints.failed(a, broken);
  assert.is(await endpoints.pick(), a, 'it answers, and the other does not');
  assert.is(endpoints.changes, 0);

  const [c, d] = [answers('http://c'), answers('http://d')];
  const both = new Endpoints([c, d], silentLog);
  const first = await both.pick();
  both.failed(first, broken);
  assert.is.not(await both.pick(), first);
  assert.is(both.changes, 1);
});

test('a failure of a member that is no longer asked changes nothing', async () => {
  const [a, b] = [silent('http://a'), answers('http://b')];
  const endpoints = new Endpoints([a, b], silentLog);
  assert.is(await endpoints.pick(), b);
  endpoints.failed(a, broken);
  await endpoints.pick();
  assert.is(b.asked, 1);
});

test('a refusal of the role is an answer; a refusal of the login is none', async () => {
  const denied = fails('http://a', new RpcError(STATUS.permissionDenied, 'etcdserver: permission denied'));
  assert.is(await new Endpoints([denied, silent('http://b')], silentLog).pick(), denied);
  const away = new RpcError(STATUS.unavailable, 'Connection dropped');
  const wrong = new LoginError(STATUS.invalidArgument, 'etcdserver: authentication failed');
  try {
    await new Endpoints([fails('http://a', away), fails('http://b', wrong)], silentLog).pick();
    assert.unreachable();
  } catch (error) {
    assert.is((error as StoreError).code, 'denied');
  }
});

test('when none answers, the message names each, the log says so once, and once when one is back', async () => {
  const events: string[] = [];
  const log = {
    ...silentLog,
    warn: (event: string) => events.push(event),
    info: (event: string) => events.push(event),
  };
  let up = false;
  const a = member('http://a', () => (up ? Promise.resolve(OK) : Promise.reject(new RpcError(14, 'no leader'))));
  const endpoints = new Endpoints([a, fails('http://b', new RpcError(14, 'dropped'))], log);
  for (let round = 0; round < 3; round += 1) {
    try {
      await endpoints.pick();
      assert.unreachable();
    } catch (error) {
      assert.is((error as StoreError).code, 'unavailable');
      assert.match((error as Error).message, /http:\/\/a: .*no leader; .*http:\/\/b: .*dropped/);
    }
  }
  up = true;
  assert.is(await endpoints.pick(), a);
  assert.equal(events, ['etcd-unreachable', 'etcd-reachable']);
});

test.run();
