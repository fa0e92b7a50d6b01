import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../announcer/decisions/decider.ts';
import { evolve } from '../../../announcer/decisions/evolve.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import { explainContainer } from '../../../announcer/report/explain.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { facts, fixtureFacts, ID, published, rules } from '../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const KEY = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7' as EtcdKey;
const see = (state: AnnouncerState, container: ContainerFacts, atMs = T0) =>
  observe(state, { type: 'inspected', facts: container, cause: 'list', atMs }, RULES)[0];
const plain = facts({ labels: { 'rollcall.check': 'none' } });

const test = suite('announcer/explain');

test('announced: the key, the value that stands there, and its revision', () => {
  let state = see(initialState, plain);
  state = evolve(state, { type: 'KeyWritten', atMs: T0, key: KEY, shard: 0, revision: '42', cause: 'announced' });
  const { keys, refusals } = explainContainer(plain, state, RULES, T0 + 1);
  assert.is(keys.length, 1);
  assert.equal([keys[0]?.status, keys[0]?.reason, keys[0]?.revision, keys[0]?.check], ['announced', '', '42', 'none']);
  assert.is(keys[0]?.value, state.desired.get(KEY));
  assert.equal(refusals, []);
});

test('held: why, since when, and what it waits for', () => {
  const container = facts();
  const [key] = explainContainer(container, see(initialState, container), RULES, T0 + 1).keys;
  assert.is(key?.status, 'held');
  assert.is(key?.reason, 'not-listening: waiting for the first result of its check (listening 80/tcp)');
  assert.is(key?.heldSince, '2026-11-20T12:00:01.000Z');
  assert.ok(key?.value.includes('"port":8080'), 'the value it would write');
});

test('the verdict of a check is told', () => {
  const container = facts();
  const results = [{ port: '80/tcp', passing: false, detail: 'nothing listens on 80/tcp' }];
  const seen = { type: 'probed', facts: container, results, atMs: T0 + 1 } as const;
  const [state] = observe(see(initialState, container), seen, RULES);
  const { steps, keys } = explainContainer(container, state, RULES, T0 + 2);
  assert.equal(steps.at(-1), { rule: 'check of 80/tcp', input: 'nothing listens on 80/tcp', verdict: 'failing' });
  assert.is(keys[0]?.reason, 'not-listening: nothing listens on 80/tcp');
});

test('refused: each reason, and no key', () => {
  const container = facts({ ports: [published('80/tcp', 8080, '127.0.0.1')] });
  const { keys, refusals } = explainContainer(container, initialState, RULES, T0);
  assert.equal(keys, []);
  assert.match(refusals[0] ?? '', /published on 127.0.0.1 only, which other hosts cannot reach/);
});

test('held down: the penalty, and the time until it is announced again', () => {
  const startedAt = new Date(T0 + 1000).toISOString();
  const looped = { ...plain, startedAt, restartCount: 5 };
  const state = see(see(initialState, plain), looped, T0 + 1000);
  const { damping, keys } = explainContainer(looped, state, RULES, T0 + 61_000);
  assert.equal([damping.penalty, damping.isHeldDown], [2500, true]);
  assert.ok(damping.reuseInSeconds > 70 && damping.reuseInSeconds < 90);
  assert.match(keys[0]?.reason ?? '', /^damped: /);
});

test('stopping: when the signal came and when inspect decides again', () => {
  const kill = { type: 'hinted', container: ID, action: 'kill', signal: 15, atMs: T0, engineTimeNano: '1' } as const;
  const [state] = observe(see(initialState, plain), kill, RULES);
  const { steps } = explainContainer(plain, state, RULES, T0 + 10_000);
  assert.equal(steps.at(-1), {
    rule: 'stop signal',
    input: 'sent 2026-11-20T12:00:01.000Z',
    verdict: 'held; if it still runs in 20 s, inspect decides',
  });
});

test('someone else’s key in the way is named', () => {
  const state = evolve(see(initialState, plain), { type: 'KeyConflicted', atMs: T0, key: KEY, foundOwner: 'node-2/x' });
  assert.is(explainContainer(plain, state, RULES, T0).keys[0]?.foreignOwner, 'node-2/x');
});

test('announced is what stands in the store, and nothing else', () => {
  const keyOf = (state: AnnouncerState) => explainContainer(plain, state, RULES, T0).keys[0];
  const decided = see(initialState, plain);
  assert.equal([keyOf(decided)?.status, keyOf(decided)?.reason], ['pending', 'it is ready, and not in the store yet']);
  const written = { type: 'KeyWritten', atMs: T0, key: KEY, shard: 0, revision: '42', cause: 'announced' } as const;
  const stands = evolve(decided, written);
  assert.is(keyOf(stands)?.status, 'announced');
  const taken = evolve(stands, { type: 'KeyConflicted', atMs: T0, key: KEY, foundOwner: '' });
  assert.equal(
    [keyOf(taken)?.status, keyOf(taken)?.revision, keyOf(taken)?.reason],
    ['conflicted', undefined, 'it is ready, and stands as soon as the key that is there is gone'],
  );
  assert.is(keyOf(evolve(taken, { ...written, revision: '44' }))?.status, 'announced');
});

test('what does not run says so', () => {
  const { state, keys } = explainContainer(fixtureFacts('exited'), initialState, RULES, T0);
  assert.is(state, 'exited, last exit code 3');
  assert.ok(keys.every(({ status }) => status === 'not running'));
});

test('a container that does not run is not said to publish nothing: the engine does not tell', () => {
  const included = (container: ContainerFacts) => explainContainer(container, initialState, RULES, T0).steps[0];
  const stopped = included(facts({ ...fixtureFacts('exited'), labels: {}, ports: [], networks: [] }));
  assert.match(stopped?.input ?? '', /which ports it publishes is known while it runs/);
  assert.match(stopped?.verdict ?? '', /included once it runs and publishes one/);
  const running = included(facts({ labels: {}, ports: [] }));
  assert.equal(
    [running?.input, running?.verdict],
    ['it has no published port and no rollcall.* or SERVICE_* settings', 'excluded'],
  );
});

test('that the engine tells no ports of what does not run is no refusal', () => {
  const container = facts({ ...fixtureFacts('exited'), labels: { 'rollcall.name': 'web' }, ports: [], networks: [] });
  const { refusals, steps } = explainContainer(container, initialState, RULES, T0);
  assert.equal(refusals, []);
  assert.equal(
    steps.map(({ rule }) => rule),
    ['announce', 'runs'],
  );
  assert.match(steps[1]?.verdict ?? '', /known while it runs/);
});

test('a dry run knows what would be ready', () => {
  assert.is(explainContainer(plain, initialState, RULES, T0).keys[0]?.status, 'ready');
});

test('is JSON as it stands', () => {
  const explanation = explainContainer(facts(), see(initialState, facts()), RULES, T0);
  assert.equal(JSON.parse(JSON.stringify(explanation)), explanation);
});

test.run();
