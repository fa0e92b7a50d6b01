import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evolve } from '../../../announcer/decisions/evolve.ts';
import { initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { findService, type ListedService, listServices } from '../../../announcer/report/services.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';

const DOMAIN = parseName('s.example.org');
const ID = 'a'.repeat(64);
const keyOf = (service: string): EtcdKey => `/skydns/org/example/s/${service}/node-1/aaaaaaaaaaaa` as EtcdKey;
const about = { container: ID, containerName: 'one', image: 'web:1', cause: 'docker start' };
const value = '{"host":"192.0.2.1","port":8080,"protocol":"tcp","ttl":5}';
const started: AnnouncerEvent = {
  type: 'ContainerStarted',
  atMs: 1,
  ...about,
  startedAt: '2026-11-20T00:00:00Z',
  labels: {},
};
const announced = (service: string): AnnouncerEvent => ({
  type: 'InstanceAnnounced',
  atMs: 2,
  ...about,
  key: keyOf(service),
  service,
  value,
});
const granted: AnnouncerEvent = { type: 'LeaseGranted', atMs: 3, lease: '7' as LeaseId, shard: 0, ttlSeconds: 60 };
const written = (service: string): AnnouncerEvent => ({
  type: 'KeyWritten',
  atMs: 4,
  key: keyOf(service),
  shard: 0,
  revision: '9',
  cause: 'announced',
});

const after = (...events: AnnouncerEvent[]): ListedService[] =>
  listServices(events.reduce(evolve, initialState), '/skydns', DOMAIN);
const only = (services: ListedService[]) => services[0]?.instances[0];

const test = suite('announcer/services');

test('an instance that stands in the store is announced, with its revision and record', () => {
  assert.equal(only(after(started, announced('web'), granted, written('web'))), {
    service: 'web',
    name: 'aaaaaaaaaaaa.node-1.web.s.example.org.',
    key: keyOf('web'),
    state: 'announced',
    host: '192.0.2.1',
    port: 8080,
    protocol: 'tcp',
    ttlSeconds: 5,
    sinceMs: 2,
    container: ID,
    containerName: 'one',
    image: 'web:1',
    revision: '9',
  });
});

test('one that is not written yet is pending; one whose key is another’s is conflicted, and says whose', () => {
  assert.is(only(after(started, announced('web')))?.state, 'pending');
  const conflict: AnnouncerEvent = { type: 'KeyConflicted', atMs: 5, key: keyOf('web'), foundOwner: 'node-2/x' };
  const conflicted = only(after(started, announced('web'), conflict));
  assert.is(conflicted?.state, 'conflicted');
  assert.is(conflicted?.detail, 'taken by node-2/x');
});

test('one that is not ready is held, and says why', () => {
  const held: AnnouncerEvent = {
    type: 'InstanceHeld',
    atMs: 2,
    ...about,
    key: keyOf('web'),
    service: 'web',
    reason: 'not-listening',
    detail: 'nothing listens on 8080/tcp',
    value,
  };
  const listed = only(after(started, held));
  assert.is(listed?.state, 'held');
  assert.is(listed?.detail, 'not-listening: nothing listens on 8080/tcp');
  assert.is(listed?.host, '192.0.2.1');
});

test('services come in the order of their names, and are found by label, by name, with and without the last dot', () => {
  const services = after(started, announced('web'), announced('api'));
  assert.equal(
    services.map(({ name }) => name),
    ['api.s.example.org.', 'web.s.example.org.'],
  );
  for (const text of ['web', 'WEB', 'web.s.example.org', 'web.s.example.org.']) {
    assert.is(findService(services, text)?.service, 'web');
  }
  assert.is(findService(services, 'we'), undefined);
});

test('lists the processes of `rollcall run` on this host beside what the announcer announces', () => {
  const key = '/skydns/org/example/s/web/node-1/run-17' as EtcdKey;
  const value =
    '{"announcedAt":"2026-11-20T12:00:00.000Z","host":"10.0.0.5","owner":"node-1+run/web/run-17/a1","port":8080}';
  const runs = [{ key, value, service: 'web', instance: 'run-17', revision: '7' }];
  const [web] = listServices(initialState, '/skydns', DOMAIN, runs);
  assert.equal(web?.instances, [
    {
      service: 'web',
      name: parseName('run-17.node-1.web.s.example.org'),
      key,
      container: 'run:web/run-17',
      containerName: 'run-17',
      image: '',
      host: '10.0.0.5',
      port: 8080,
      state: 'announced',
      detail: 'by `rollcall run`',
      sinceMs: Date.parse('2026-11-20T12:00:00Z'),
      revision: '7',
    },
  ]);
});

test.run();
