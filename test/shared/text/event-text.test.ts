import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeEvent, describePastEvent } from '../../../shared/text/event-text.ts';

const atMs = Date.UTC(2026, 10, 20, 14, 32, 1, 123);
const TIME = '2026-11-20T14:32:01.123Z';
const key = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7';
const container = {
  container: '3f2a9c01d4e7f00d',
  containerName: 'one',
  image: 'web:1',
  cause: 'docker start',
};

const test = suite('shared/text/event-text');

for (const [event, expected] of [
  [
    { type: 'InstanceAnnounced', ...container, key, service: 'web', value: '{"host":"192.0.2.10","port":8080}' },
    `announced  ${key} 192.0.2.10:8080 (container 3f2a9c01d4e7 (one), docker start)`,
  ],
  [
    { type: 'InstanceAnnounced', ...container, key, service: 'web', value: '{"host":"2001:db8::1","port":80}' },
    `announced  ${key} [2001:db8::1]:80 (container 3f2a9c01d4e7 (one), docker start)`,
  ],
  [
    { type: 'InstanceWithdrawn', ...container, key, service: 'web', reason: 'stopping', detail: 'signal 15' },
    `withdrawn  ${key} stopping: signal 15 (container 3f2a9c01d4e7 (one), docker start)`,
  ],
  [
    { type: 'ContainerStopped', ...container, exitCode: 137, oomKilled: true, requested: false, penalty: 0 },
    'container 3f2a9c01d4e7 (one) stopped with exit code 137, out of memory (docker start)',
  ],
  [
    { type: 'ContainerStopped', ...container, exitCode: -1, oomKilled: false, requested: true, penalty: 0 },
    'container 3f2a9c01d4e7 (one) stopped with an exit code that was not seen, as asked (docker start)',
  ],
  [
    { type: 'RecordPut', key, revision: '12', value: 'nonsense', late: true },
    `put        ${key} no JSON at revision 12, observed late`,
  ],
  [{ type: 'RecordDeleted', key, revision: '13' }, `deleted    ${key} at revision 13`],
  [{ type: 'KeyRemoved', key, revision: '13' }, `removed    ${key} at revision 13`],
  [
    { type: 'ResolverStarted', version: '1.2.3', confirmedAtMs: atMs },
    'resolver started, version 1.2.3; its zone was last known to be true at 2026-11-20T14:32:01.123Z',
  ],
  [{ type: 'AnnouncerStopped', how: 'handover' }, 'announcer stopped: names left to its successor'],
  [
    {
      type: 'RecordDeleted',
      key,
      revision: '14',
      explained: {
        host: 'node-1',
        write: 'withdrawn',
        cause: 'docker kill 15',
        causedAtMs: atMs - 3,
        decidedAtMs: atMs - 1,
        container: '3f2a9c01d4e7f00d',
        containerName: 'one',
      },
    },
    `deleted    ${key} at revision 14: docker kill 15 at 2026-11-20T14:32:01.120Z, container 3f2a9c01d4e7 (one) on node-1`,
  ],
  [
    { type: 'ChangeExplained', key, revision: '15', host: 'node-1', write: 'moved', cause: 'moved', decidedAtMs: atMs },
    `because    ${key} at revision 15 moved: moved, on node-1`,
  ],
  [{ type: 'KeyConflicted', key, foundOwner: '' }, `conflict   ${key} belongs to nobody known`],
  [{ type: 'FromANewerVersion', sequence: 9, colour: 'red', count: 2 }, 'FromANewerVersion colour=red count=2'],
] as const) {
  test(`${event.type} reads: ${expected.slice(0, 60)}`, () => {
    assert.is(describeEvent({ ...event, atMs }), `${TIME}  ${expected}`);
  });
}

test('a record that went without a cause is said to, when there was time for one to come', () => {
  const gone = { type: 'RecordDeleted', atMs, key, revision: '13' };
  assert.match(describePastEvent(gone), /at revision 13, no cause told, as of a lease/);
  for (const other of [
    { ...gone, late: true },
    { ...gone, explained: { cause: 'x', host: 'h' } },
    { ...gone, type: 'RecordPut' },
  ])
    assert.not.match(describePastEvent(other), /no cause/);
});

test.run();
