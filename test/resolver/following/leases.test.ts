import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Leases } from '../../../resolver/following/leases.ts';
import { silentLog } from '../../../shared/log.ts';
import { type OwnerName, parseName } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { until } from '../../support/until.ts';

const test = suite('resolver/leases');
const lease = (n: number): LeaseId => String(n) as LeaseId;
const NAME = parseName('web.example.org');

interface Set_ {
  readonly store: ScriptedStore;
  readonly leases: Leases;
  readonly learned: OwnerName[][];
  readonly inUse: Set<LeaseId>;
  readonly clock: { wallMs: number; elapsedMs: number };
}

async function withLeases(body: (set: Set_) => Promise<void>): Promise<void> {
  const store = new ScriptedStore();
  const learned: OwnerName[][] = [];
  const inUse = new Set<LeaseId>();
  const clock = { wallMs: 1_000_000, elapsedMs: 0 };
  const leases = new Leases({
    store,
    inUse: () => inUse,
    onLearned: (names) => learned.push([...names]),
    log: silentLog,
    nowMs: () => clock.wallMs,
    elapsedMs: () => clock.elapsedMs,
  });
  const set: Set_ = { store, learned, inUse, leases, clock };
  set.leases.start();
  try {
    await body(set);
  } finally {
    set.leases.stop();
  }
}

const see = (set: Set_, id: LeaseId, grantedSeconds: number, remainingSeconds: number): void => {
  set.store.leases.set(id, { grantedSeconds, remainingSeconds });
  set.inUse.add(id);
  set.leases.saw(id, NAME);
};

test('a lease is asked about at first sight, once for all its keys, and its names are told', () =>
  withLeases(async (set) => {
    see(set, lease(1), 60, 40);
    for (let n = 0; n < 100; n += 1) set.leases.saw(lease(1), parseName(`n${n}.example.org`));
    assert.is(set.leases.deadlineMs(lease(1)), undefined);
    await until('the time left', () => set.leases.deadlineMs(lease(1)) === 1_040_000);
    assert.is(set.store.timeToLiveCalls.length, 1);
    assert.is(set.learned.length, 1);
    assert.is(set.learned[0]?.length, 101);
  }));

test('it is asked again after a third of its time, and the deadline moves on', () =>
  withLeases(async (set) => {
    see(set, lease(1), 60, 40);
    await until('the time left', () => set.leases.deadlineMs(lease(1)) !== undefined);
    set.store.leases.set(lease(1), { grantedSeconds: 60, remainingSeconds: 59 });
    set.clock.elapsedMs = 19_000;
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.is(set.store.timeToLiveCalls.length, 1, 'not before');
    set.clock.elapsedMs = 20_200;
    set.clock.wallMs += 20_200;
    await until('the next look', () => set.leases.deadlineMs(lease(1)) === 1_020_200 + 59_000);
    assert.is(set.learned.length, 1, 'answers made meanwhile count down by themselves');
  }));

test('a short lease is asked about every 5 s at most', () =>
  withLeases(async (set) => {
    see(set, lease(1), 3, 3);
    await until('the time left', () => set.leases.deadlineMs(lease(1)) !== undefined);
    set.clock.elapsedMs = 4500;
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.is(set.store.timeToLiveCalls.length, 1);
    set.clock.elapsedMs = 5200;
    await until('the next look', () => set.store.timeToLiveCalls.length === 2);
  }));

test('a lease that is gone has no time left, and never an unknown one', () =>
  withLeases(async (set) => {
    set.inUse.add(lease(9));
    set.leases.saw(lease(9), NAME);
    await until('the answer', () => set.leases.deadlineMs(lease(9)) === 1_000_000);
  }));

test('a store that is away leaves what was known, and is asked again', () =>
  withLeases(async (set) => {
    see(set, lease(1), 60, 40);
    await until('the time left', () => set.leases.deadlineMs(lease(1)) !== undefined);
    set.store.down();
    set.clock.elapsedMs = 20_200;
    await until('the failed look', () => set.store.timeToLiveCalls.length === 2);
    assert.is(set.leases.deadlineMs(lease(1)), 1_040_000);
    set.store.up();
    set.clock.elapsedMs += 5200;
    await until('the next look', () => set.store.timeToLiveCalls.length === 3);
  }));

test('many leases are asked about a few at a time', () =>
  withLeases(async (set) => {
    let running = 0;
    let most = 0;
    set.store.timeToLive = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
      return { grantedSeconds: 60, remainingSeconds: 60 };
    };
    for (let n = 0; n < 200; n += 1) set.leases.saw(lease(n), undefined);
    await until('all', () => set.leases.deadlineMs(lease(199)) !== undefined);
    assert.ok(most <= 16, String(most));
  }));

test('leases that no key is on are forgotten', () =>
  withLeases(async (set) => {
    see(set, lease(1), 60, 40);
    see(set, lease(2), 60, 40);
    await until('both', () => set.leases.deadlineMs(lease(2)) !== undefined);
    set.inUse.delete(lease(1));
    set.clock.elapsedMs = 60_001;
    await until('one is forgotten', () => set.leases.size === 1);
    assert.is(set.leases.deadlineMs(lease(1)), undefined);
    assert.ok(set.leases.deadlineMs(lease(2)) !== undefined);
  }));

test.run();
