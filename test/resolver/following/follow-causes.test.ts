import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { followCauses } from '../../../resolver/following/follow-causes.ts';
import { causesKeyOf, encodeCauses } from '../../../shared/causes.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { StoreError } from '../../../shared/store.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { until } from '../../support/until.ts';

const TIMINGS = { backoffBaseMs: 1, backoffMaxMs: 4, deniedMs: 20 };
const KEY = '/skydns/org/example/web/node-1/a' as EtcdKey;

function write(store: ScriptedStore, cause: string, host = 'node-1'): bigint {
  return store.put(causesKeyOf(host), encodeCauses([{ key: KEY, write: 'announced', cause, decidedAtMs: 1 }]));
}

function following(store: ScriptedStore, sinceRevision = 0n) {
  const told: string[] = [];
  const log = recordingLog();
  const subscription = followCauses({ store, sinceRevision, log, timings: TIMINGS }).subscribe((batch) => {
    for (const { revision, host, changes } of batch)
      told.push(`${revision} ${host} ${changes.map(({ cause }) => cause)}`);
  });
  return { told, log, stop: () => subscription.unsubscribe() };
}

const test = suite('resolver/follow-causes');

test('a first start is told what stands, and then what comes', async () => {
  const store = new ScriptedStore();
  write(store, 'one');
  write(store, 'two');
  write(store, 'far', 'node-2');
  const { told, stop } = following(store);
  await until('the watch', () => store.watches === 1);
  write(store, 'three');
  assert.equal(told, ['2 node-1 two', '3 node-2 far', '4 node-1 three']);
  stop();
  assert.is(store.watches, 0);
});

test('a later start is told everything since the last revision that was seen', async () => {
  const store = new ScriptedStore();
  write(store, 'one');
  write(store, 'two');
  write(store, 'three');
  const { told, stop } = following(store, 1n);
  await until('both', () => told.length === 2);
  assert.equal(told, ['2 node-1 two', '3 node-1 three']);
  stop();
});

test('a watch that broke goes on where it was; where that is compacted, with what stands', async () => {
  const store = new ScriptedStore();
  const { told, stop } = following(store);
  await until('the watch', () => store.watches === 1);
  write(store, 'one');
  store.down();
  write(store, 'two');
  write(store, 'three');
  store.up();
  await until('what was missed', () => told.length === 3);
  store.down();
  write(store, 'four');
  write(store, 'five');
  store.compact();
  store.up();
  await until('what stands', () => told.length === 4);
  assert.equal(told, ['1 node-1 one', '2 node-1 two', '3 node-1 three', '5 node-1 five']);
  stop();
});

test('once the store has answered somebody else, it is tried again without waiting any longer', async () => {
  const store = new ScriptedStore();
  const answers$ = new Subject<void>();
  const told: bigint[] = [];
  const timings = { backoffBaseMs: 3_600_000, backoffMaxMs: 3_600_000 };
  const log = recordingLog();
  const following = followCauses({ store, sinceRevision: 1n, answers$, log, timings }).subscribe((batch) => {
    told.push(...batch.map(({ revision }) => revision));
  });
  write(store, 'one');
  await until('the watch', () => store.watches === 1);
  store.down();
  write(store, 'two');
  store.up();
  assert.is(store.watches, 0);
  answers$.next();
  await until('what was missed', () => told.length === 1);
  assert.equal(told, [2n]);
  following.unsubscribe();
});

test('a store that went back in time is read anew', async () => {
  const store = new ScriptedStore();
  for (let at = 0; at < 9; at += 1) write(store, 'old');
  const { told, stop } = following(store, 9n);
  await until('the watch', () => store.watches === 1);
  store.replace('store-2', 2n, {
    [causesKeyOf('node-1')]: encodeCauses([{ key: KEY, write: 'announced', cause: 'new', decidedAtMs: 1 }]),
  });
  await until('what stands there', () => told.length === 1);
  assert.equal(told, ['1 node-1 new']);
  stop();
});

test('a role that may not read them is said once, asked for again at times, and its mending is said', async () => {
  const store = new ScriptedStore();
  const read = store.snapshot.bind(store);
  let isDenied = true;
  let reads = 0;
  store.snapshot = async (prefix) => {
    reads += 1;
    if (isDenied) throw new StoreError('denied', 'permission denied');
    return read(prefix);
  };
  write(store, 'one');
  const { told, log, stop } = following(store);
  await until('three attempts', () => reads >= 3);
  assert.is(log.of('causes-denied').length, 1);
  assert.match(log.of('causes-denied')[0]?.message ?? '', /read \/rollcall\/causes\//);
  isDenied = false;
  await until('the causes', () => told.length === 1);
  await until('the watch', () => log.of('causes-allowed').length === 1);
  stop();
});

test('what is no causes of this version is passed over, and the end of a host tells nothing', async () => {
  const store = new ScriptedStore();
  store.put(causesKeyOf('node-1'), 'no JSON');
  const { told, stop } = following(store);
  await until('the watch', () => store.watches === 1);
  store.put(causesKeyOf('node-1'), '{"version":2,"changes":[]}');
  store.remove(causesKeyOf('node-1'));
  write(store, 'one', 'node-2');
  assert.equal(told, ['4 node-2 one']);
  stop();
});

test.run();
