/** Events of the announcer for tests of what is made of them. */
import type { AnnouncerEvent } from '../../announcer/event.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';

export const AT_MS = Date.parse('2026-11-20T14:32:00.125Z');
export const CONTAINER = '3f2a9c01d4e7'.padEnd(64, '0');
export const KEY = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7' as EtcdKey;

const about = { atMs: AT_MS, container: CONTAINER, containerName: 'web-1', image: 'registry.example.org/web:1.2' };
const instance = { ...about, cause: 'docker start', key: KEY, service: 'web' };
const lease = '7f0c' as LeaseId;

/** One of each type. A type that is added to the union has to be added here. */
export const EVENTS: { readonly [T in AnnouncerEvent['type']]: Extract<AnnouncerEvent, { readonly type: T }> } = {
  AnnouncerStarted: { type: 'AnnouncerStarted', atMs: AT_MS, host: 'node-1', owner: 'node-1/a1', version: '0' },
  AnnouncerStopped: { type: 'AnnouncerStopped', atMs: AT_MS, how: 'withdraw' },
  ContainerStarted: {
    ...about,
    type: 'ContainerStarted',
    cause: 'docker start',
    startedAt: '2026-11-20T14:32:00Z',
    labels: { 'org.example.team': 'payments', secret: 'not on the list' },
  },
  ContainerStopping: {
    ...about,
    type: 'ContainerStopping',
    cause: 'docker kill 15',
    signal: 15,
    untilMs: AT_MS + 30_000,
    engineTimeNano: '1',
  },
  ContainerKeptRunning: { ...about, type: 'ContainerKeptRunning', cause: 'recheck' },
  ContainerStopped: {
    ...about,
    type: 'ContainerStopped',
    cause: 'docker die',
    exitCode: 3,
    oomKilled: false,
    requested: false,
    penalty: 1000,
  },
  ContainerReleased: { ...about, type: 'ContainerReleased', cause: 'recheck', penalty: 900 },
  ContainerHealthChanged: {
    ...about,
    type: 'ContainerHealthChanged',
    cause: 'health_status: healthy',
    health: 'healthy',
  },
  ContainerProbed: {
    ...about,
    type: 'ContainerProbed',
    cause: 'listening 8080/tcp',
    startedAt: '2026-11-20T14:32:00Z',
    port: '8080/tcp',
    passing: true,
    detail: 'listens',
  },
  ContainerRenamed: { ...about, type: 'ContainerRenamed', cause: 'docker rename', before: 'web-next' },
  ContainerDraining: { ...about, type: 'ContainerDraining', cause: 'rollcall drain' },
  ContainerUndrained: { ...about, type: 'ContainerUndrained', cause: 'rollcall drain --undo' },
  HostDraining: { type: 'HostDraining', atMs: AT_MS, cause: 'rollcall drain --host' },
  HostUndrained: { type: 'HostUndrained', atMs: AT_MS, cause: 'rollcall drain --host --undo' },
  ContainerRemoved: { ...about, type: 'ContainerRemoved', cause: 'docker destroy' },
  ContainerRefused: {
    ...about,
    type: 'ContainerRefused',
    cause: 'docker start',
    reason: 'rollcall.ttl="x": no number',
  },
  ContainerRefusalEnded: {
    ...about,
    type: 'ContainerRefusalEnded',
    cause: 'services file',
    reason: 'ttl 0: must be 1 to 86400 seconds',
  },
  InstanceAnnounced: { ...instance, type: 'InstanceAnnounced', value: '{"host":"192.0.2.10","port":8080}' },
  InstanceHeld: { ...instance, type: 'InstanceHeld', reason: 'damped', detail: 'held down for 40 s' },
  InstanceWithdrawn: {
    ...instance,
    type: 'InstanceWithdrawn',
    reason: 'stopping',
    detail: 'its stop signal was sent',
  },
  InstanceForgotten: { ...instance, type: 'InstanceForgotten' },
  LeaseGranted: { type: 'LeaseGranted', atMs: AT_MS, lease, shard: 0, ttlSeconds: 60 },
  LeaseAdopted: { type: 'LeaseAdopted', atMs: AT_MS, lease, shard: 0, remainingSeconds: 40 },
  LeaseLost: { type: 'LeaseLost', atMs: AT_MS, lease, shard: 0, silentMs: 60_000 },
  LeaseRevoked: { type: 'LeaseRevoked', atMs: AT_MS, lease, shard: 0 },
  KeyWritten: { type: 'KeyWritten', atMs: AT_MS, key: KEY, shard: 0, revision: '12', cause: 'announced' },
  KeyRemoved: { type: 'KeyRemoved', atMs: AT_MS, key: KEY, revision: '13', cause: 'withdrawn' },
  KeyConflicted: { type: 'KeyConflicted', atMs: AT_MS, key: KEY, foundOwner: 'node-2/b2' },
  StoreLost: { type: 'StoreLost', atMs: AT_MS, reason: 'refused' },
  StoreRegained: { type: 'StoreRegained', atMs: AT_MS, awayMs: 100 },
  EngineLost: { type: 'EngineLost', atMs: AT_MS, reason: 'refused' },
  EngineRegained: { type: 'EngineRegained', atMs: AT_MS, awayMs: 100 },
  DriftFound: { type: 'DriftFound', atMs: AT_MS, cause: 'missed-stop', detail: 'no event had told' },
};
