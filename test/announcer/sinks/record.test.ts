import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { ContainerBook } from '../../../announcer/sinks/container-book.ts';
import { TEXT_MAX } from '../../../announcer/sinks/cut.ts';
import { gapRecordOf, recordOf, type SinkRecord } from '../../../announcer/sinks/record.ts';
import { AT_MS, CONTAINER, EVENTS, KEY } from '../../support/sink-events.ts';

const test = suite('announcer/sinks/record');

function recorded(event: AnnouncerEvent, ...allowed: string[]): SinkRecord | undefined {
  const book = new ContainerBook(allowed);
  book.learn(EVENTS.ContainerStarted, 1);
  book.learn(event, 7);
  return recordOf({ sequence: 7, event }, 'node-1', book);
}

/** Which events become a record, and of which action; every other type becomes none. */
const ACTIONS: Partial<Record<AnnouncerEvent['type'], string>> = {
  ContainerStarted: 'start',
  ContainerStopping: 'stop',
  ContainerStopped: 'die',
  ContainerHealthChanged: 'healthy',
  ContainerDraining: 'drain',
  ContainerUndrained: 'undrain',
  ContainerRemoved: 'removed',
  ContainerRefused: 'refused',
  InstanceAnnounced: 'announced',
  InstanceHeld: 'held',
  InstanceWithdrawn: 'withdrawn',
};

for (const event of Object.values(EVENTS)) {
  const action = ACTIONS[event.type];
  test(`${event.type} is ${action ?? 'no record'}`, () => assert.is(recorded(event)?.action, action));
}

test('a record has every field that is known, and no other', () => {
  assert.equal(recorded(EVENTS.InstanceWithdrawn, 'org.example.team'), {
    '@timestamp': '2026-11-20T14:32:00.125Z',
    action: 'withdrawn',
    host: 'node-1',
    sequence: 7,
    container_name: 'web-1',
    container_id: CONTAINER,
    image: 'registry.example.org/web:1.2',
    service: 'web',
    key: KEY,
    reason: 'stopping',
    detail: 'its stop signal was sent',
    cause: 'docker start',
    labels: { org_example_team: 'payments' },
  });
});

test('a label that is not on the list is in no record', () => {
  const json = JSON.stringify(recorded(EVENTS.ContainerStarted, 'org.example.team'));
  assert.match(json, 'payments');
  assert.not.match(json, 'not on the list');
  assert.not.match(JSON.stringify(recorded(EVENTS.ContainerStarted)), 'labels');
});

test('a death says its exit code, and whether someone asked for it', () => {
  const died = recorded(EVENTS.ContainerStopped);
  assert.equal([died?.exit_code, died?.reason, died?.detail], [3, 'unrequested', 'exited with 3']);
  assert.is(recorded({ ...EVENTS.ContainerStopped, requested: true })?.reason, 'requested');
});

test('a death that nobody saw has no exit code', () => {
  const died = recorded({ ...EVENTS.ContainerStopped, exitCode: -1 });
  assert.not('exit_code' in (died ?? {}));
  assert.is(died?.detail, 'its end was not seen');
});

test('a death by want of memory is oom, with its exit code', () => {
  const died = recorded({ ...EVENTS.ContainerStopped, oomKilled: true, exitCode: 137 });
  assert.equal([died?.action, died?.exit_code], ['oom', 137]);
});

test('the death that makes a crash loop says so', () => {
  const died = recorded({ ...EVENTS.ContainerStopped, suppressed: true, penalty: 3210.4 });
  assert.is(died?.detail, 'exited with 3; held down as a crash loop, penalty 3210');
});

test('a health that is not settled yet is no record', () => {
  assert.is(recorded({ ...EVENTS.ContainerHealthChanged, health: 'starting' }), undefined);
  assert.is(recorded({ ...EVENTS.ContainerHealthChanged, health: 'unhealthy' })?.action, 'unhealthy');
});

test('the end of a container has the service that it had', () => {
  const book = new ContainerBook([]);
  book.learn(EVENTS.InstanceAnnounced, 1);
  book.learn(EVENTS.ContainerRemoved, 2);
  assert.is(recordOf({ sequence: 2, event: EVENTS.ContainerRemoved }, 'node-1', book)?.service, 'web');
});

test('texts without end are cut', () => {
  const refused = recorded({ ...EVENTS.ContainerRefused, reason: 'x'.repeat(100_000) });
  assert.is(refused?.detail?.length, TEXT_MAX);
  assert.ok(refused?.detail?.endsWith('…'));
});

test('a gap says which numbers are missing, and why', () => {
  const gap = gapRecordOf({ atMs: AT_MS, fromSequence: 5, toSequence: 9, reason: 'expired' }, 'node-1');
  assert.equal(gap, {
    '@timestamp': '2026-11-20T14:32:00.125Z',
    action: 'gap',
    host: 'node-1',
    sequence: 9,
    reason: 'expired',
    detail: 'the journal had removed them before this receiver took them',
    gap_from: 5,
    gap_to: 9,
  });
});

test.run();
