import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import { drainedContainers, drainSubject, drainWaitSeconds } from '../../../announcer/report/drain.ts';
import { facts, ID, OTHER_ID, published, rules } from '../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const one = facts({ labels: { 'rollcall.check': 'none', 'rollcall.ttl': '30' } });
const two = facts({
  ...one,
  id: OTHER_ID,
  name: 'web-2',
  labels: { 'rollcall.check': 'none' },
  ports: [published('80/tcp', 8081)],
});
const see = (...containers: ContainerFacts[]): AnnouncerState =>
  containers.reduce(
    (state, each) => observe(state, { type: 'inspected', facts: each, atMs: T0, cause: 'list' }, RULES)[0],
    initialState,
  );
const subject = (state: AnnouncerState, text: string) => drainSubject(state, text, RULES.prefix, RULES.domain);

const test = suite('announcer/drain report');

test('a container is named by its name or the beginning of its id, a service by its name, short or whole', () => {
  const state = see(one, two);
  assert.equal(subject(state, 'web-1'), { ok: true, of: [ID] });
  assert.equal(subject(state, OTHER_ID.slice(0, 12)), { ok: true, of: [OTHER_ID] });
  for (const name of ['web', 'web.s.prod.example.com', 'web.s.prod.example.com.']) {
    assert.equal(subject(state, name), { ok: true, of: [ID, OTHER_ID].sort() });
  }
});

test('a name is of the container that has it now, as after a replacement by renaming', () => {
  const state = see(one, two, { ...one, name: 'web-old' }, { ...two, name: 'web-1' });
  assert.equal(subject(state, 'web-1'), { ok: true, of: [OTHER_ID] });
  assert.equal(subject(state, 'web-old'), { ok: true, of: [ID] });
  assert.is((subject(state, 'web-2') as { code: string }).code, 'unknown');
});

test('a name that could be a container or a service of others is refused, with what to write instead', () => {
  const found = subject(see({ ...one, name: 'web' }, two), 'web');
  assert.is(found.ok, false);
  assert.match(found.ok ? '' : found.reason, /container's id, or the service's whole name/);
  assert.equal(subject(see({ ...one, name: 'web' }), 'web'), { ok: true, of: [ID] }, 'both mean the same');
});

test('what is not known, or does not run, has nothing to drain', () => {
  assert.is((subject(see(one), 'nothing') as { code: string }).code, 'unknown');
  const stopped = see(one, facts({ ...one, state: 'exited', pid: 0 }));
  assert.is((subject(stopped, 'web-1') as { code: string }).code, 'not-running');
});

test('an entry of the services file is drained by its name or its whole id, and no other with it', () => {
  const services = ['web', 'web-admin', 'static'].map((name) => ({ name, host: '192.0.2.10', port: 8080 }));
  const [state] = observe(see(one), { type: 'services-read', services, atMs: T0 }, RULES);
  assert.equal(subject(state, 'static'), { ok: true, of: ['static:static'] });
  assert.equal(subject(state, 'static:web'), { ok: true, of: ['static:web'] });
  assert.is((subject(state, 'static:') as { code: string }).code, 'unknown');
});

test('the beginning of several ids is refused, with whose they are', () => {
  const sibling = facts({ ...one, id: `${ID.slice(0, 12)}${'1'.repeat(52)}`, name: 'db-1' });
  const found = subject(see(one, sibling), ID.slice(0, 12));
  assert.is((found as { code: string }).code, 'ambiguous');
  assert.match(found.ok ? '' : found.reason, /2 containers: db-1 \(3f2a9c01d4e71{52}\), web-1 \(3f2a9c01d4e70{52}\)/);
  assert.equal(subject(see(one, sibling), ID), { ok: true, of: [ID] });
});

test('the wait is the largest TTL of all that are drained, and the margin', () => {
  const state = see(one, two);
  const drained = drainedContainers(state, [ID, OTHER_ID]);
  assert.equal(
    drained.map(({ services, largestTtlSeconds }) => [services, largestTtlSeconds]),
    [
      [['web'], 30],
      [['web'], 5],
    ],
  );
  assert.is(drainWaitSeconds(drained), 32);
  assert.is(drainWaitSeconds(drainedContainers(state, [OTHER_ID])), 7);
});

test('what was never announced needs no wait, and a host lists only what was', () => {
  const never = facts({ id: OTHER_ID, name: 'web-2', labels: { 'rollcall.announce': 'false' } });
  assert.is(drainWaitSeconds(drainedContainers(see(never), [OTHER_ID])), 0);
  assert.equal(
    drainedContainers(see(one, never), 'host').map(({ container }) => container),
    [ID],
  );
});

test.run();
