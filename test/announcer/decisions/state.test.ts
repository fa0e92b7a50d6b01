import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evolve } from '../../../announcer/decisions/evolve.ts';
import { initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { ID, OTHER_ID } from '../../support/container-facts.ts';
import { stateOfText, textOfState } from '../../support/state-text.ts';

const test = suite('announcer/state');

const KEY = '/skydns/com/example/web/node-1/a' as EtcdKey;
const CONTAINER = { container: ID, containerName: 'web-1', image: 'web', cause: 'list' };
const INSTANCE = { ...CONTAINER, key: KEY, service: 'web' };
const fold = (...events: AnnouncerEvent[]) => events.reduce(evolve, initialState);

test('the order of independent events leaves no mark in a snapshot', () => {
  const one: AnnouncerEvent = { type: 'InstanceAnnounced', atMs: 1, ...INSTANCE, value: '{}' };
  const other: AnnouncerEvent = { ...one, container: OTHER_ID, key: `${KEY}2` as EtcdKey };
  assert.is(textOfState(fold(one, other)), textOfState(fold(other, one)));
});

test('an empty state is kept too', () => {
  assert.is(textOfState(stateOfText(textOfState(initialState))), textOfState(initialState));
});

test('a journal that lost its beginning still gives a state', () => {
  const state = fold(
    { type: 'ContainerStopped', atMs: 1, ...CONTAINER, exitCode: 1, oomKilled: false, requested: false, penalty: 900 },
    { type: 'InstanceWithdrawn', atMs: 2, ...INSTANCE, reason: 'died', detail: '' },
    { type: 'KeyRemoved', atMs: 3, key: KEY, revision: '7', cause: 'withdrawn' },
  );
  assert.is(state.instances.size, 0);
  assert.is(state.containers.get(ID)?.flaps?.penalty, 900);
});

test('an event that a later version wrote changes nothing', () => {
  const state = fold({ type: 'ContainerStarted', atMs: 1, ...CONTAINER, startedAt: 'run 1', labels: {} });
  assert.is(evolve(state, { type: 'ContainerDreamt', atMs: 2, ...CONTAINER } as unknown as AnnouncerEvent), state);
});

test('a key that another container took is not taken from it by the first one’s end', () => {
  const state = fold(
    { type: 'InstanceAnnounced', atMs: 1, ...INSTANCE, value: '{"port":1}' },
    { type: 'InstanceAnnounced', atMs: 2, ...INSTANCE, container: OTHER_ID, value: '{"port":2}' },
    { type: 'InstanceWithdrawn', atMs: 3, ...INSTANCE, reason: 'died', detail: '' },
    { type: 'ContainerRemoved', atMs: 4, ...CONTAINER },
  );
  assert.is(state.desired.get(KEY), '{"port":2}');
  assert.equal(state.containers.get(OTHER_ID)?.keys, [KEY]);
});

test('a removed container leaves nothing', () => {
  const state = fold(
    { type: 'ContainerStarted', atMs: 1, ...CONTAINER, startedAt: 'x', labels: {} },
    { type: 'InstanceAnnounced', atMs: 1, ...INSTANCE, value: '{}' },
    { type: 'ContainerRemoved', atMs: 2, ...CONTAINER },
  );
  assert.is(textOfState(state), textOfState(initialState));
});

test('of the thousands of refusals that an earlier version told, the last ones are kept', () => {
  const refusals = Array.from(
    { length: 20_000 },
    (_, at): AnnouncerEvent => ({ type: 'ContainerRefused', atMs: at, ...CONTAINER, reason: `x${at}` }),
  );
  const kept = fold(...refusals).containers.get(ID)?.refusals ?? [];
  assert.is(kept.length, 64);
  assert.is(kept.at(-1), 'x19999');
});

test('a new run keeps what is announced and the flaps, and forgets the verdicts', () => {
  const state = fold(
    { type: 'ContainerStarted', atMs: 1, ...CONTAINER, startedAt: 'run 1', labels: {} },
    { type: 'ContainerProbed', atMs: 2, ...CONTAINER, startedAt: 'run 1', port: '80/tcp', passing: true, detail: '' },
    { type: 'InstanceAnnounced', atMs: 2, ...INSTANCE, value: '{}' },
    { type: 'ContainerStopped', atMs: 3, ...CONTAINER, exitCode: 1, oomKilled: false, requested: false, penalty: 1000 },
    { type: 'ContainerStarted', atMs: 4, ...CONTAINER, startedAt: 'run 2', labels: {} },
    { type: 'ContainerProbed', atMs: 5, ...CONTAINER, startedAt: 'run 1', port: '80/tcp', passing: true, detail: '' },
  );
  const container = state.containers.get(ID);
  assert.equal(container?.verdicts, {});
  assert.is(container?.flaps?.penalty, 1000);
  assert.equal(container?.keys, [KEY]);
});

test('neither an end nor a start that the journal lost lets a verdict outlive its run', () => {
  const probed: AnnouncerEvent[] = [
    { type: 'ContainerStarted', atMs: 1, ...CONTAINER, startedAt: 'run 1', labels: {} },
    { type: 'ContainerProbed', atMs: 2, ...CONTAINER, startedAt: 'run 1', port: '80/tcp', passing: true, detail: '' },
  ];
  const after = (event: AnnouncerEvent) => fold(...probed, event).containers.get(ID)?.verdicts;
  assert.equal(after({ type: 'ContainerStarted', atMs: 3, ...CONTAINER, startedAt: 'run 2', labels: {} }), {});
  const end = { exitCode: 1, oomKilled: false, requested: false, penalty: 0 };
  assert.equal(after({ type: 'ContainerStopped', atMs: 3, ...CONTAINER, ...end }), {});
});

test('verdicts are handed over, but do not outlive an announcer that withdrew', () => {
  const probed: AnnouncerEvent[] = [
    { type: 'ContainerStarted', atMs: 1, ...CONTAINER, startedAt: 'run 1', labels: {} },
    { type: 'ContainerProbed', atMs: 2, ...CONTAINER, startedAt: 'run 1', port: '80/tcp', passing: true, detail: '' },
  ];
  const after = (how: 'withdraw' | 'handover') =>
    fold(...probed, { type: 'AnnouncerStopped', atMs: 3, how }).containers.get(ID)?.verdicts;
  assert.equal(after('withdraw'), {});
  assert.is(after('handover')?.['80/tcp']?.isPassing, true);
});

test('a conflict ends when the key is ours, or gone', () => {
  const conflict: AnnouncerEvent = { type: 'KeyConflicted', atMs: 1, key: KEY, foundOwner: 'node-2/x' };
  assert.is(fold(conflict).conflicts.get(KEY), 'node-2/x');
  assert.is(fold(conflict, { type: 'KeyRemoved', atMs: 2, key: KEY, revision: '2', cause: 'x' }).conflicts.size, 0);
  const written: AnnouncerEvent = {
    type: 'KeyWritten',
    atMs: 2,
    key: KEY,
    shard: 0,
    revision: '2',
    cause: 'announced',
  };
  assert.is(fold(conflict, written).conflicts.size, 0);
});

test('a lease that was lost after another took its shard takes nothing with it', () => {
  const granted = (lease: string): AnnouncerEvent => ({
    type: 'LeaseGranted',
    atMs: 1,
    lease: lease as LeaseId,
    shard: 0,
    ttlSeconds: 60,
  });
  const written: AnnouncerEvent = {
    type: 'KeyWritten',
    atMs: 2,
    key: KEY,
    shard: 0,
    revision: '2',
    cause: 'announced',
  };
  const lost: AnnouncerEvent = { type: 'LeaseLost', atMs: 3, lease: '1' as LeaseId, shard: 0, silentMs: 60_000 };
  assert.is(fold(granted('1'), written, lost).standing.size, 0);
  assert.is(fold(granted('1'), granted('2'), written, lost).standing.size, 1);
});

test.run();
