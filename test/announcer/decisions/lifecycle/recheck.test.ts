import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../../announcer/decisions/decider.ts';
import {
  dueForRecheck,
  dueForReuse,
  nextReuseAtMs,
  recheckAtMs,
} from '../../../../announcer/decisions/lifecycle/recheck.ts';
import { type AnnouncerState, initialState } from '../../../../announcer/decisions/state.ts';
import type { ContainerFacts } from '../../../../announcer/facts.ts';
import type { Observation } from '../../../../announcer/observation.ts';
import { facts, ID, OTHER_ID, rules } from '../../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const plain = (changes: Partial<ContainerFacts> = {}) => facts({ labels: { 'rollcall.check': 'none' }, ...changes });
const see = (state: AnnouncerState, container: ContainerFacts, atMs: number) =>
  observe(state, { type: 'inspected', facts: container, cause: 'list', atMs }, RULES)[0];
const kill: Observation = { type: 'hinted', container: ID, action: 'kill', signal: 15, atMs: T0, engineTimeNano: '1' };

const test = suite('announcer/recheck');

test('nothing waits: nothing is due, ever', () => {
  const state = see(initialState, plain(), T0);
  assert.equal(dueForRecheck(state, T0 + 1e9, RULES), []);
  assert.is(recheckAtMs(state, RULES), undefined);
  assert.is(nextReuseAtMs(state, RULES), undefined);
});

test('a container that is held down is due when its penalty has decayed', () => {
  const startedAt = new Date(T0 + 1000).toISOString();
  const looped = plain({ startedAt, restartCount: 5 });
  const state = see(see(initialState, plain(), T0), looped, T0 + 1000);
  const dueMs = nextReuseAtMs(state, RULES) ?? 0;
  assert.ok(dueMs > T0 + 130_000 && dueMs < T0 + 145_000, String(dueMs - T0));
  assert.is(recheckAtMs(state, RULES), dueMs);
  assert.equal(dueForReuse(state, dueMs - 1000, RULES), []);
  assert.equal(dueForReuse(state, dueMs, RULES), [ID]);
  assert.equal(dueForReuse(see(state, looped, dueMs), dueMs, RULES), [], 'once looked at, no more');
  assert.equal(dueForReuse(state, T0 - 3_600_000, RULES), [ID], 'a clock that went back holds nothing');
});

test('one that is held down and has stopped is not due', () => {
  const startedAt = new Date(T0 + 1000).toISOString();
  let state = see(see(initialState, plain(), T0), plain({ startedAt, restartCount: 5 }), T0 + 1000);
  state = see(state, plain({ startedAt, restartCount: 5, state: 'exited', pid: 0 }), T0 + 2000);
  assert.equal(dueForRecheck(state, T0 + 1e9, RULES), []);
});

test('a container that outlived its stop signal is due after its bound', () => {
  const state = observe(see(initialState, plain(), T0), kill, RULES)[0];
  assert.is(recheckAtMs(state, RULES), T0 + 30_000);
  assert.equal(dueForRecheck(state, T0 + 29_999, RULES), []);
  assert.equal(dueForRecheck(state, T0 + 30_000, RULES), [ID]);
  assert.equal(dueForRecheck(see(state, plain(), T0 + 30_000), T0 + 30_001, RULES), []);
});

test('a container that waits for a key is due when that is free', () => {
  const labels = { SERVICE_ID: 'main', 'rollcall.check': 'none' };
  let state = see(see(initialState, plain({ labels }), T0), plain({ labels, id: OTHER_ID }), T0 + 1);
  assert.equal(dueForRecheck(state, T0 + 1e9, RULES), []);
  state = see(state, plain({ labels, state: 'exited', pid: 0 }), T0 + 2);
  assert.equal(dueForRecheck(state, T0 + 2, RULES), [OTHER_ID]);
  assert.ok((recheckAtMs(state, RULES) ?? Number.POSITIVE_INFINITY) <= T0 + 2);
});

test.run();
