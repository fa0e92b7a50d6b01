import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { logLineOf } from '../../../announcer/report/log-events.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';

const key = '/skydns/org/example/web/node-1/3f2a' as EtcdKey;
const about = { container: 'c', containerName: 'web_1', image: 'web', cause: 'docker start', key, service: 'web' };
const atMs = 0;

const test = suite('announcer/log-events');

for (const [event, expected] of [
  [
    { type: 'InstanceAnnounced', atMs, ...about, value: '{"host":"192.0.2.1","port":8080}' },
    'info instance-announced announcing 192.0.2.1:8080 as web (docker start)',
  ],
  [
    { type: 'InstanceAnnounced', atMs, ...about, value: '{"host":"2001:db8::1","port":80}' },
    'info instance-announced announcing [2001:db8::1]:80 as web (docker start)',
  ],
  [
    { type: 'InstanceAnnounced', atMs, ...about, value: '{"text":"hello"}' },
    'info instance-announced announcing text as web (docker start)',
  ],
  [
    { type: 'InstanceWithdrawn', atMs, ...about, reason: 'died', detail: 'exited with 1' },
    'info instance-withdrawn withdrawing 3f2a of web: died, exited with 1',
  ],
  [
    { type: 'ContainerStopped', atMs, ...about, exitCode: 137, oomKilled: true, requested: false, penalty: 0 },
    'warn container-out-of-memory web_1 ended with 137: the kernel took a process of it for want of memory',
  ],
  [
    { type: 'ContainerStopped', atMs, ...about, exitCode: 1, oomKilled: false, requested: false, penalty: 0 },
    undefined,
  ],
  [
    { type: 'LeaseLost', atMs, lease: '7' as LeaseId, shard: 2, silentMs: 31_240 },
    'warn lease-lost lease 7 of shard 2 lost after 31.2 s without a keepalive; announcing its keys again under another',
  ],
  [
    { type: 'KeyConflicted', atMs, key, foundOwner: 'node-2/x' },
    `warn key-conflicted ${key} is owned by node-2/x; it is left alone and ours is not announced until that one is removed`,
  ],
  [{ type: 'StoreRegained', atMs, awayMs: 2600 }, 'info store-regained the store answers again after 2.6 s'],
  [{ type: 'EngineRegained', atMs, awayMs: 2600 }, undefined],
] as const satisfies readonly (readonly [AnnouncerEvent, string | undefined])[]) {
  test(`${event.type} is ${expected === undefined ? 'left to its edge' : `said: ${expected.slice(0, 60)}`}`, () => {
    const line = logLineOf(event);
    assert.is(line && `${line.level} ${line.event} ${line.message}`, expected);
  });
}

test.run();
