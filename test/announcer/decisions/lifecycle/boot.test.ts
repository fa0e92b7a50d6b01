import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide, evolve, observe } from '../../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../../announcer/event.ts';
import type { ContainerFacts } from '../../../../announcer/facts.ts';
import type { Observation } from '../../../../announcer/observation.ts';
import { facts, ID, OTHER_ID, published, rules } from '../../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const plain = (changes: Partial<ContainerFacts> = {}) => facts({ labels: { 'rollcall.check': 'none' }, ...changes });
const see = (container: ContainerFacts, atMs = T0): Observation => ({
  type: 'inspected',
  facts: container,
  cause: 'list',
  atMs,
});
const services: Observation = { type: 'services-read', services: [{ name: 'db', host: '192.0.2.10' }], atMs: T0 };
const started = (bootId?: string): AnnouncerEvent => ({
  type: 'AnnouncerStarted',
  atMs: T0,
  host: 'node-1',
  owner: 'node-1/a1',
  version: '0',
  ...(bootId !== undefined && { bootId }),
});
const bootRead = (bootId: string): Observation => ({ type: 'boot-read', bootId, atMs: T0 + 60_000 });

/** What an announcer that ran in boot `bootId` has left: two containers, one of them not ready, and an entry of the file. */
function left(bootId?: string): AnnouncerState {
  const other = facts({ id: OTHER_ID, name: 'api-1', ports: [published('80/tcp', 8081)] });
  const state = evolve(initialState, started(bootId));
  return [see(plain()), see(other), services].reduce((folded, each) => observe(folded, each, RULES)[0], state);
}
const keysOf = (state: AnnouncerState) => [...state.desired.keys()];

const test = suite('announcer/boot');

test('another boot has ended every container that ran, and withdraws its names; entries of the services file stand', () => {
  const [state, events] = observe(left('boot 1'), bootRead('boot 2'), RULES);
  assert.equal(keysOf(state), ['/skydns/com/example/prod/s/db/node-1/192-0-2-10']);
  const told = events.map((event) => ('containerName' in event ? `${event.type} ${event.containerName}` : event.type));
  assert.equal(told.sort(), ['ContainerStopped api-1', 'ContainerStopped web-1', 'InstanceWithdrawn web-1']);
  assert.ok(events.every((event) => 'cause' in event && event.cause === 'host boot'));
  const withdrawn = events.find((event) => event.type === 'InstanceWithdrawn');
  assert.is(withdrawn?.reason, 'died');
  assert.is(withdrawn?.causedAtMs, undefined, 'nobody saw when');
  assert.equal(state.containers.get(OTHER_ID)?.held, {});
  assert.equal(decide(state, bootRead('boot 2'), RULES), [], 'a repeat concludes nothing');
});

test('the same boot, and one that was or is not known, change nothing', () => {
  assert.equal(decide(left('boot 1'), bootRead('boot 1'), RULES), []);
  assert.equal(decide(left(), bootRead('boot 1'), RULES), []);
  const unknownSince = evolve(left('boot 1'), started());
  assert.equal(decide(unknownSince, bootRead('boot 2'), RULES), []);
});

test('a boot is no flap, and what the engine starts again is announced', () => {
  const ended = observe(left('boot 1'), bootRead('boot 2'), RULES)[0];
  const stopped = ended.containers.get(ID);
  assert.is(stopped?.flaps, null);
  const again = see(plain({ startedAt: '2026-11-20T13:00:00Z' }), T0 + 120_000);
  assert.equal(
    decide(ended, again, RULES).map(({ type }) => type),
    ['ContainerStarted', 'InstanceAnnounced'],
  );
});

test('a crash loop that was held down is no less one after a boot', () => {
  const looped = see(plain({ startedAt: '2026-11-20T12:00:02Z', restartCount: 5 }), T0 + 1000);
  const before = observe(left('boot 1'), looped, RULES)[0];
  assert.is(before.containers.get(ID)?.flaps?.suppressed, true);
  const after = observe(before, { ...bootRead('boot 2'), atMs: T0 + 2000 }, RULES)[0];
  assert.is(after.containers.get(ID)?.flaps?.suppressed, true);
});

test.run();
