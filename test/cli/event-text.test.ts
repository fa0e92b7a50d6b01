import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeEvent } from '../../cli/event-text.ts';

const atMs = Date.UTC(2026, 10, 20, 14, 32, 1, 123);
const TIME = '2026-11-20T14:32:01.123Z';
const key = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7';
const container = {
  container: '3f2a9c01d4e7f00d',
  containerName: 'one',
  image: 'web:1',
  cause: 'docker start',
};

const test = suite('cli/event-text');

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
  [{ type: 'KeyConflicted', key, foundOwner: '' }, `conflict   ${key} belongs to nobody known`],
  [{ type: 'FromANewerVersion', sequence: 9, colour: 'red', count: 2 }, 'FromANewerVersion colour=red count=2'],
] as const) {
  test(`${event.type} reads: ${expected.slice(0, 60)}`, () => {
    assert.is(describeEvent({ ...event, atMs }), `${TIME}  ${expected}`);
  });
}

test.run();
