import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide, evolve, observe } from '../../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../../announcer/event.ts';
import type { ContainerFacts } from '../../../../announcer/facts.ts';
import type { Observation } from '../../../../announcer/observation.ts';
import { facts, ID, OTHER_ID, published, rules } from '../../../support/container-facts.ts';
import { stateOfText, textOfState } from '../../../support/state-text.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const plain = (changes: Partial<ContainerFacts> = {}) => facts({ labels: { 'rollcall.check': 'none' }, ...changes });
const other = plain({ id: OTHER_ID, name: 'api-1', ports: [published('80/tcp', 8081)] });
const seen = (container: ContainerFacts, atMs = T0): Observation => ({
  type: 'inspected',
  facts: container,
  atMs,
  cause: 'docker start',
});
const drain = (of: 'host' | readonly string[], atMs = T0 + 1000): Observation => ({ type: 'drain-asked', of, atMs });
const undrain = (of: 'host' | readonly string[], atMs = T0 + 2000): Observation => ({
  type: 'undrain-asked',
  of,
  atMs,
});
const services = (atMs = T0 + 1500): Observation => ({
  type: 'services-read',
  services: [{ name: 'db', host: '192.0.2.10', port: 5432 }],
  atMs,
});

function given(...observations: Observation[]): AnnouncerState {
  return observations.reduce((state, each) => observe(state, each, RULES)[0], initialState);
}
const brief = (event: AnnouncerEvent): string =>
  'reason' in event && 'service' in event ? `${event.type} ${event.service}: ${event.reason}` : event.type;
const when = (state: AnnouncerState, next: Observation): string[] => decide(state, next, RULES).map(brief);

const test = suite('announcer/drain');

test('a drain withdraws every name of the container, with its reason and cause', () => {
  const events = decide(given(seen(plain()), seen(other)), drain([ID]), RULES);
  assert.equal(events.map(brief), ['ContainerDraining', 'InstanceWithdrawn web: draining']);
  const [, withdrawn] = events;
  assert.is(withdrawn?.type === 'InstanceWithdrawn' && withdrawn.cause, 'drain by command');
  assert.is(given(seen(plain()), seen(other), drain([ID])).desired.size, 1, "the other's name stands");
});

test('no inspect, check or health brings a drained container back', () => {
  const state = given(seen(plain()), drain([ID]));
  assert.equal(when(state, seen(plain(), T0 + 1100)), []);
  const checked = facts();
  const draining = given(seen(checked), drain([ID]));
  const passed: Observation = {
    type: 'probed',
    facts: checked,
    atMs: T0 + 1200,
    results: [{ port: '80/tcp', passing: true, detail: 'listening 80/tcp' }],
  };
  assert.is(observe(draining, passed, RULES)[0].desired.size, 0);
});

test('a second drain concludes nothing, nor does one of a container that is not known', () => {
  assert.equal(when(given(seen(plain()), drain([ID])), drain([ID], T0 + 1500)), []);
  assert.equal(when(initialState, drain([ID])), []);
  assert.equal(when(given(seen(plain())), undrain([ID])), []);
});

test('undrain alone announces nothing: the next look does', () => {
  const state = given(seen(plain()), drain([ID]));
  assert.equal(when(state, undrain([ID])), ['ContainerUndrained']);
  const undrained = observe(state, undrain([ID]), RULES)[0];
  assert.equal(when(undrained, seen(plain(), T0 + 2100)), ['InstanceAnnounced']);
});

test('a drain outlives the announcer, replayed and from a snapshot, but not the run of the container', () => {
  const events: AnnouncerEvent[] = [];
  let state = initialState;
  for (const each of [seen(plain()), drain([ID])]) {
    const [next, made] = observe(state, each, RULES);
    state = next;
    events.push(...made);
  }
  events.push({ type: 'AnnouncerStopped', atMs: T0 + 1100, how: 'withdraw' });
  const replayed = events.reduce(evolve, initialState);
  for (const restored of [replayed, stateOfText(textOfState(replayed))]) {
    assert.is(observe(restored, seen(plain(), T0 + 9000), RULES)[0].desired.size, 0);
    const again = plain({ startedAt: '2026-11-20T12:05:00Z' });
    assert.is(observe(restored, seen(again, T0 + 300_000), RULES)[0].desired.size, 1);
  }
});

test('a removed container takes its drain along', () => {
  const state = given(seen(plain()), drain([ID]), {
    type: 'vanished',
    container: ID,
    atMs: T0 + 1500,
    cause: 'docker destroy',
  });
  assert.is(observe(state, seen(plain(), T0 + 2000), RULES)[0].desired.size, 1);
});

test('a drained host announces nothing: not what runs, not what starts, not the services file', () => {
  const before = given(seen(plain()), services(T0));
  assert.equal(when(before, drain('host')), [
    'HostDraining',
    'InstanceWithdrawn web: draining',
    'InstanceWithdrawn db: draining',
  ]);
  const drained = [seen(other, T0 + 1100), services()].reduce(
    (state, each) => observe(state, each, RULES)[0],
    observe(before, drain('host'), RULES)[0],
  );
  assert.is(drained.desired.size, 0);
  assert.equal(
    Object.values(drained.containers.get('static:db')?.held ?? {}).map(({ reason }) => reason),
    ['draining'],
  );
  assert.equal(when(drained, services()), [], 'quiet on repeats');
  const undrained = [undrain('host'), services(T0 + 2100), seen(other, T0 + 2100), seen(plain(), T0 + 2100)];
  assert.is(undrained.reduce((state, each) => observe(state, each, RULES)[0], drained).desired.size, 3);
  assert.is(stateOfText(textOfState(drained)).hostDrainingSinceMs, T0 + 1000);
});

test('undraining the host leaves what was drained by itself', () => {
  const state = given(seen(plain()), drain([ID]), drain('host'), undrain('host'), seen(plain(), T0 + 3000));
  assert.is(state.desired.size, 0);
});

test('one entry of the services file can be drained, and comes back by undrain or with its next entry', () => {
  const state = given(services(T0), drain(['static:db']), services());
  assert.is(state.desired.size, 0);
  assert.is(observe(observe(state, undrain(['static:db']), RULES)[0], services(T0 + 3000), RULES)[0].desired.size, 1);
  const emptied = observe(state, { type: 'services-read', services: [], atMs: T0 + 1700 }, RULES)[0];
  assert.is(emptied.containers.size, 0);
  assert.is(observe(emptied, services(T0 + 1800), RULES)[0].desired.size, 1);
});

test('the largest TTL of a container is that of any answer ever announced for it', () => {
  const long = rules({ recordTtlSeconds: 300 });
  const before = observe(initialState, seen(plain()), long)[0];
  const after = observe(before, seen(plain(), T0 + 10), RULES)[0];
  assert.is(after.containers.get(ID)?.largestTtlSeconds, 300);
});

test.run();
