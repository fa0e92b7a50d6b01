import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../announcer/decisions/decider.ts';
import { spokenFor } from '../../../announcer/decisions/spoken-for.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import type { Observation } from '../../../announcer/observation.ts';
import { facts, ID, rules } from '../../support/container-facts.ts';

const test = suite('announcer/spoken-for');

const T0 = Date.parse('2026-11-20T12:00:01Z');
const WEB = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7';
const DB = '/skydns/com/example/prod/s/db/node-1/192-0-2-20-5432';

const inspected = (container: ContainerFacts): Observation => ({
  type: 'inspected',
  facts: container,
  cause: 'list',
  atMs: T0,
});
const probed = (passing: boolean, port = '80/tcp'): Observation => ({
  type: 'probed',
  facts: facts(),
  results: [{ port, passing, detail: '' }],
  atMs: T0,
});
const services = (check?: string): Observation => ({
  type: 'services-read',
  services: [{ name: 'db', host: '192.0.2.20', port: 5432, ...(check === undefined ? {} : { check }) }],
  atMs: T0,
});
const after = (...seen: Observation[]): AnnouncerState =>
  seen.reduce((state, each) => observe(state, each, rules())[0], initialState);

test('a look speaks for what has no active check, and for that alone', () => {
  const unchecked = facts({ labels: { 'rollcall.check': 'none' } });
  assert.equal(spokenFor(after(inspected(unchecked)), inspected(unchecked)), [WEB]);
  const checked = after(inspected(facts()), probed(true));
  assert.equal(spokenFor(checked, inspected(facts())), []);
  assert.equal(spokenFor(checked, inspected(facts({ id: ID.replace('3', '4') }))), [], 'nor for another container');
});

test('a check that passes speaks for its port, one that fails for nothing', () => {
  const state = after(inspected(facts()), probed(true));
  assert.equal(spokenFor(state, probed(true)), [WEB]);
  assert.equal(spokenFor(state, probed(true, '81/tcp')), []);
  assert.equal(spokenFor(state, probed(false)), []);
});

test('the services file speaks for its entries, but for those with a check', () => {
  const state = after(services());
  assert.equal(spokenFor(state, services()), [DB]);
  const verdict = { type: 'service-probed', container: 'static:db', detail: '', atMs: T0 } as const;
  const probe = 'tcp 192.0.2.20:5432';
  const checked = after(services('tcp'), { ...verdict, probe, passing: true }, services('tcp'));
  assert.equal([...checked.instances.keys()], [DB]);
  assert.equal(spokenFor(checked, services('tcp')), []);
  assert.equal(spokenFor(checked, { ...verdict, probe, passing: true }), [DB]);
  assert.equal(spokenFor(checked, { ...verdict, probe, passing: false }), []);
});

test('hints and lists speak for nothing', () => {
  const state = after(inspected(facts({ labels: { 'rollcall.check': 'none' } })));
  assert.equal(spokenFor(state, { type: 'listed', containers: [ID], atMs: T0 }), []);
});

test.run();
