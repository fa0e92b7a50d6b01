import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  COMPARISON,
  decide,
  dueForRecheck,
  evolve,
  observe,
  unconfirmedLosses,
} from '../../../announcer/decisions/decider.ts';
import { desiredKeys } from '../../../announcer/decisions/desired.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import type { Observation } from '../../../announcer/observation.ts';
import { decodeRecord } from '../../../shared/record.ts';
import { facts, fixtureFacts, ID, OTHER_ID, published, rules } from '../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const KEY = '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7';
/** By default a container is announced as soon as it runs, so that a test is about one rule. */
const plain = (changes: Partial<ContainerFacts> = {}) =>
  facts({ ...changes, labels: { 'rollcall.check': 'none', ...changes.labels } });

const inspected = (container: ContainerFacts, atMs = T0, cause = 'docker start'): Observation => ({
  type: 'inspected',
  facts: container,
  atMs,
  cause,
});
const hinted = (
  action: 'kill' | 'die' | 'oom' | 'pause' | 'unhealthy',
  signal?: number,
  atMs = T0 + 500,
): Observation => ({
  type: 'hinted',
  container: ID,
  action,
  atMs,
  engineTimeNano: `${atMs}000000`,
  ...(signal === undefined ? {} : { signal }),
});
const probed = (container: ContainerFacts, passing: boolean, port = '80/tcp', atMs = T0 + 100): Observation => ({
  type: 'probed',
  facts: container,
  atMs,
  results: [{ port, passing, detail: passing ? `listening ${port}` : `nothing listens on ${port}` }],
});

/** Folds what was seen; `when` gives the events that one more sight adds, in short. */
function given(...seen: Observation[]) {
  const state = seen.reduce((folded, each) => observe(folded, each, RULES)[0], initialState);
  return {
    state,
    when: (next: Observation): string[] => decide(state, next, RULES).map(brief),
    keys: (): string[] => [...desiredKeys(state).keys()],
  };
}

function brief(event: AnnouncerEvent): string {
  switch (event.type) {
    case 'InstanceAnnounced':
      return `announced ${event.service}`;
    case 'InstanceHeld':
      return `held ${event.service}: ${event.reason}`;
    case 'InstanceWithdrawn':
      return `withdrawn ${event.service}: ${event.reason}`;
    case 'ContainerStopped':
      return `stopped ${event.requested ? 'by request' : 'by itself'}, exit ${event.exitCode}, penalty ${event.penalty}`;
    case 'ContainerHealthChanged':
      return event.health;
    case 'ContainerProbed':
      return `${event.port} ${event.passing ? 'passes' : 'fails'}`;
    case 'DriftFound':
      return `drift ${event.cause}`;
    default:
      return event.type;
  }
}

const announced = inspected(plain());
const run2 = '2026-11-20T12:05:00Z';

const test = suite('announcer/decider');

test('announces what runs, with the time it was announced', () => {
  const [state, events] = observe(initialState, announced, RULES);
  assert.equal(events.map(brief), ['ContainerStarted', 'announced web']);
  const decoded = decodeRecord(desiredKeys(state).get(KEY as never) ?? '');
  assert.ok(decoded.ok && decoded.record.announcedAt === '2026-11-20T12:00:01.000Z');
});

test('stays quiet when inspect repeats', () => {
  assert.equal(given(announced).when(inspected(plain(), T0 + 60_000)), []);
});

test('announces anew when its value changes, and only then', () => {
  const moved = plain({ ports: [published('80/tcp', 9999)] });
  const first = given(announced);
  assert.equal(first.when(inspected(moved, T0 + 1000)), ['announced web']);
  const decoded = decodeRecord(
    desiredKeys(given(announced, inspected(moved, T0 + 1000)).state).get(KEY as never) ?? '',
  );
  assert.ok(decoded.ok && decoded.record.port === 9999 && decoded.record.announcedAt?.includes('12:00:02'));
});

test('a rename changes no key, and the container is known by its new name from then on', () => {
  const renamed = inspected(plain({ name: 'web-renamed' }), T0 + 1000, 'docker rename');
  const first = given(announced);
  assert.equal(first.when(renamed), ['ContainerRenamed']);
  const [event] = decide(first.state, renamed, RULES);
  assert.ok(event?.type === 'ContainerRenamed' && event.before === 'web-1' && event.containerName === 'web-renamed');
  const then = given(announced, renamed);
  assert.is(then.state.containers.get(ID)?.name, 'web-renamed');
  assert.equal(then.when({ ...renamed, atMs: T0 + 2000 }), []);
  assert.equal(then.keys(), first.keys());
});

test('a container that does not run is renamed as well', () => {
  const stopped = inspected(plain({ state: 'exited', pid: 0 }), T0 + 1000);
  const renamed = inspected(plain({ state: 'exited', pid: 0, name: 'web-old' }), T0 + 2000, 'docker rename');
  assert.equal(given(announced, stopped).when(renamed), ['ContainerRenamed']);
});

test('is not announced in a restart back-off, though inspect says that it runs', () => {
  assert.equal(given().when(inspected(fixtureFacts('restarting'))), []);
  assert.equal(given().when(inspected(plain({ pid: 0 }))), []);
});

test('what never ran and what has ended before we came is nothing to tell', () => {
  for (const name of ['created', 'exited']) assert.equal(given().when(inspected(fixtureFacts(name))), [], name);
});

// Readiness

test('healthcheck: held while starting, announced when healthy, withdrawn when unhealthy', () => {
  const starting = facts({ health: 'starting' });
  assert.equal(given().when(inspected(starting)), ['ContainerStarted', 'starting', 'held web: starting']);
  assert.equal(given(inspected(starting)).when(inspected(starting, T0 + 1)), []);
  const healthy = inspected(facts({ health: 'healthy' }), T0 + 1000);
  assert.equal(given(inspected(starting)).when(healthy), ['healthy', 'announced web']);
  const unhealthy = inspected(facts({ health: 'unhealthy' }), T0 + 2000);
  assert.equal(given(inspected(starting), healthy).when(unhealthy), ['unhealthy', 'withdrawn web: unhealthy']);
});

test('healthcheck: the hint withdraws before any inspect, and the inspect adds the health alone', () => {
  const healthy = inspected(facts({ health: 'healthy' }));
  assert.equal(given(healthy).when(hinted('unhealthy')), ['withdrawn web: unhealthy']);
  const unhealthy = inspected(facts({ health: 'unhealthy' }), T0 + 600);
  assert.equal(given(healthy, hinted('unhealthy')).when(unhealthy), ['unhealthy']);
});

test('a failing HEALTHCHECK does not withdraw what hangs on another check', () => {
  const container = plain({ health: 'healthy' });
  assert.equal(given(inspected(container)).when(hinted('unhealthy')), []);
});

test('listening: held until the port listens, withdrawn when it does not any more', () => {
  const waiting = inspected(facts());
  assert.equal(given().when(waiting), ['ContainerStarted', 'held web: not-listening']);
  assert.equal(given(waiting).when(probed(facts(), true)), ['80/tcp passes', 'announced web']);
  const listening = [waiting, probed(facts(), true)];
  assert.equal(given(...listening).when(probed(facts(), true)), []);
  assert.equal(
    given(...listening).when(inspected(facts(), T0 + 60_000)),
    [],
    'a later inspect of the run changes nothing',
  );
  assert.equal(given(...listening).when(probed(facts(), false)), ['80/tcp fails', 'withdrawn web: not-listening']);
});

test('tcp, http and exec: probe-failing is what they are held for', () => {
  for (const check of ['tcp', 'http:/', 'exec:true']) {
    const container = facts({ labels: { 'rollcall.check': check } });
    assert.equal(given().when(inspected(container)), ['ContainerStarted', 'held web: probe-failing'], check);
  }
});

test('what is held says what its check found, once for each verdict, and is held since the beginning', () => {
  const held = (state: ReturnType<typeof given>['state']) => Object.values(state.containers.get(ID)?.held ?? {})[0];
  const waiting = given(inspected(facts()));
  assert.match(held(waiting.state)?.detail ?? '', /waiting for the first result/);
  assert.equal(waiting.when(probed(facts(), false)), ['80/tcp fails', 'held web: not-listening']);
  const failing = given(inspected(facts()), probed(facts(), false));
  assert.is(held(failing.state)?.detail, 'nothing listens on 80/tcp');
  assert.is(held(failing.state)?.sinceMs, held(waiting.state)?.sinceMs);
  assert.equal(failing.when(probed(facts(), false, '80/tcp', T0 + 900)), []);
  assert.equal(failing.when(inspected(facts(), T0 + 900)), []);
  assert.equal(
    given(inspected(facts()), probed(facts(), false), inspected(facts(), T0 + 900)).when(probed(facts(), true)),
    ['80/tcp passes', 'announced web'],
  );
});

test('what is held says why its check fails by now, and stays held', () => {
  const container = facts({ labels: { 'rollcall.check': 'http:/' } });
  const answered = (detail: string): Observation => ({
    ...(probed(container, false) as Extract<Observation, { readonly type: 'probed' }>),
    results: [{ port: '80/tcp', passing: false, detail }],
  });
  const failing = given(inspected(container), answered('nothing listens on 80/tcp'));
  assert.equal(failing.when(answered('nothing listens on 80/tcp')), []);
  assert.equal(failing.when(answered('GET / answered 503')), ['80/tcp fails', 'held web: probe-failing']);
  const { state } = given(inspected(container), answered('nothing listens on 80/tcp'), answered('GET / answered 503'));
  assert.is(Object.values(state.containers.get(ID)?.held ?? {})[0]?.detail, 'GET / answered 503');
});

test('each port is announced by its own verdict', () => {
  const container = facts({ ports: [published('80/tcp', 8080), published('443/tcp', 8443)] });
  const state = given(inspected(container), probed(container, true, '443/tcp'));
  assert.equal(state.keys(), ['/skydns/com/example/prod/s/web-443/node-1/3f2a9c01d4e7']);
});

test('a verdict of another run is no verdict', () => {
  const later = facts({ startedAt: run2 });
  assert.equal(given(inspected(later)).when(probed(facts(), true)), []);
  assert.equal(given(inspected(facts())).when(probed(later, true)), []);
  assert.equal(given().when(probed(facts(), true)), [], 'nor one of a container that is not known');
});

test('a verdict that comes while something else holds is kept', () => {
  const paused = inspected(facts({ state: 'paused' }), T0 + 200);
  const state = given(inspected(facts()), paused, probed(facts(), true));
  assert.equal(state.keys(), [], 'the older facts of the result do not bring a paused container back');
  assert.equal(state.when(inspected(facts(), T0 + 300)), ['announced web']);
});

test('a pause whose end is found and was not told leaves no verdict: the first check after it decides', () => {
  const listening = [inspected(facts()), probed(facts(), true)];
  for (const paused of [hinted('pause'), inspected(facts({ state: 'paused' }), T0 + 200)]) {
    const found = inspected(facts(), T0 + 60_000, 'comparison');
    const resumed = given(...listening, paused);
    assert.equal(resumed.when(found).slice(0, 2), ['80/tcp fails', 'held web: not-listening']);
    assert.equal(given(...listening, paused, found).when(inspected(facts(), T0 + 61_000, 'comparison')), []);
    const checked = probed(facts(), true, '80/tcp', T0 + 60_100);
    assert.equal(given(...listening, paused, found).when(checked), ['80/tcp passes', 'announced web']);
  }
});

test('a verdict announces what the latest inspect said, not the facts it came with', () => {
  const moved = facts({ ports: [published('80/tcp', 9999)] });
  const { state } = given(inspected(facts()), inspected(moved, T0 + 50), probed(facts(), true));
  assert.ok(
    desiredKeys(state)
      .get(KEY as never)
      ?.includes('"port":9999'),
  );
});

// Pause

test('pause withdraws at once; unpause announces at once, with the verdict from before', () => {
  const listening = [inspected(facts()), probed(facts(), true)];
  assert.equal(given(...listening).when(hinted('pause')), ['withdrawn web: paused']);
  const paused = inspected(facts({ state: 'paused' }), T0 + 600);
  assert.equal(given(...listening, hinted('pause')).when(paused), []);
  assert.equal(given(...listening, hinted('pause'), paused).when(inspected(facts(), T0 + 700)), ['announced web']);
  assert.equal(given(...listening).when(paused), ['withdrawn web: paused'], 'the inspect alone does it too');
});

// Stop

test('the stop signal withdraws at once, and no inspect of that run brings it back', () => {
  assert.equal(given(announced).when(hinted('kill', 15)), ['ContainerStopping', 'withdrawn web: stopping']);
  assert.equal(given(announced, hinted('kill', 15)).when(inspected(plain(), T0 + 600)), []);
  assert.equal(given(announced, hinted('kill', 15)).when(inspected(plain(), T0 + 29_000)), []);
});

test('a container that got its stop signal before it was ready is not announced while it drains', () => {
  const state = given(inspected(facts()), hinted('kill', 15));
  assert.equal(state.when(probed(facts(), true, '80/tcp', T0 + 600)), ['80/tcp passes']);
});

test('a signal that does not stop it withdraws nothing', () => {
  for (const signal of [1, 10, 12, 15]) {
    const nginx = inspected(plain({ stopSignal: 3 }));
    assert.equal(given(nginx).when(hinted('kill', signal)), [], `signal ${signal}`);
  }
  assert.equal(given(announced).when(hinted('kill')), [], 'nor one that is not known');
  assert.equal(given(inspected(plain({ stopSignal: 3 }))).when(hinted('kill', 3)).length, 2);
  assert.equal(given(inspected(plain({ stopSignal: 3 }))).when(hinted('kill', 9)).length, 2);
});

test('a stop signal that it outlives does not hide it for ever', () => {
  const survivor = given(announced, hinted('kill', 15)).when(inspected(plain(), T0 + 31_000));
  assert.equal(survivor, ['ContainerKeptRunning', 'announced web']);
  const slow = inspected(plain({ stopTimeoutSeconds: 120 }));
  assert.equal(
    given(slow, hinted('kill', 15)).when(inspected(plain(), T0 + 31_000)),
    [],
    'its own stop timeout counts',
  );
});

test('the repeat of an outlived stop signal withdraws nothing', () => {
  const kept = inspected(plain(), T0 + 31_000);
  assert.equal(given(announced, hinted('kill', 15), kept).when(hinted('kill', 15)), []);
});

test('a run that no inspect saw ended has the exit code that the engine told, or none', () => {
  const [first, second] = [plain(), plain({ startedAt: '2026-11-20T12:00:05.000000000Z' })];
  const codesOf = (seen: Observation): number[] =>
    decide(given(inspected(first)).state, seen, RULES).flatMap((event) =>
      event.type === 'ContainerStopped' ? [event.exitCode] : [],
    );
  const restarted = inspected(second, T0 + 5000);
  assert.equal(codesOf(restarted), [-1]);
  assert.equal(codesOf({ ...restarted, endedWith: 137 } as Observation), [137]);
  const vanished: Observation = { type: 'vanished', container: ID, atMs: T0 + 5000, cause: 'docker destroy' };
  assert.equal(codesOf(vanished), [-1]);
  assert.equal(codesOf({ ...vanished, endedWith: 9 }), [9]);
});

test('the next run is announced though the last one was stopping', () => {
  const restarted = inspected(plain({ startedAt: run2 }), T0 + 1000, 'docker start');
  assert.equal(given(announced, hinted('kill', 15)).when(restarted), [
    'stopped by request, exit -1, penalty 0',
    'ContainerStarted',
    'announced web',
  ]);
});

test('die withdraws; the inspect tells how it ended', () => {
  assert.equal(given(announced).when(hinted('die')), ['withdrawn web: died']);
  const exited = plain({ state: 'exited', pid: 0, exitCode: 3 });
  assert.equal(given(announced, hinted('die')).when(inspected(exited)), ['stopped by itself, exit 3, penalty 1000']);
  assert.equal(given(announced, hinted('die'), inspected(exited)).when(inspected(exited)), []);
});

test('a stop whose kill was missed is known by the exit code', () => {
  for (const exitCode of [143, 137]) {
    const exited = inspected(plain({ state: 'exited', pid: 0, exitCode }));
    assert.equal(given(announced).when(exited)[0], `stopped by request, exit ${exitCode}, penalty 0`);
  }
  const killed = inspected(plain({ state: 'exited', pid: 0, exitCode: 137, oomKilled: true }));
  assert.equal(given(announced).when(killed), ['stopped by itself, exit 137, penalty 1000', 'withdrawn web: oom']);
});

test('a death for want of memory is withdrawn as that, whichever says so first', () => {
  const died: Observation = { ...hinted('die'), outOfMemory: true } as Observation;
  const exited = inspected(plain({ state: 'exited', pid: 0, exitCode: 137, oomKilled: true }));
  assert.equal(given(announced, hinted('oom')).when(died), ['withdrawn web: oom']);
  assert.equal(given(announced, died).when(exited), ['stopped by itself, exit 137, penalty 1000']);
  const oomOf = (state: ReturnType<typeof given>['state'], seen: Observation): boolean[] =>
    decide(state, seen, RULES).flatMap((event) => (event.type === 'ContainerStopped' ? [event.oomKilled] : []));
  assert.equal(oomOf(given(announced, died).state, exited), [true]);
  const next = inspected(plain({ startedAt: run2, restartCount: 1 }), T0 + 1000);
  const told = { endedWith: 137, outOfMemory: true } as const;
  assert.equal(oomOf(given(announced).state, { ...next, ...told } as Observation), [true], 'the next run had begun');
  const vanished: Observation = {
    type: 'vanished',
    container: ID,
    atMs: T0 + 9,
    causedAtMs: T0 + 9,
    cause: 'docker destroy',
  };
  assert.equal(oomOf(given(announced).state, { ...vanished, ...told }), [true], 'removed as it ended (--rm)');
});

test('a run that lost a worker to the kernel, and ends well or as asked long after, did not end for want of memory', () => {
  const oomOf = (seen: Observation, ...before: Observation[]): boolean[] =>
    decide(given(announced, ...before).state, seen, RULES).flatMap((event) =>
      event.type === 'ContainerStopped' ? [event.oomKilled] : [],
    );
  const exited = (exitCode: number) => inspected(plain({ state: 'exited', pid: 0, exitCode, oomKilled: true }));
  assert.equal(oomOf(exited(0)), [false]);
  assert.equal(given(announced).when(exited(0))[1], 'withdrawn web: died');
  assert.equal(oomOf(exited(137), hinted('kill', 15)), [false]);
  assert.equal(oomOf(exited(143)), [false], 'though the signal was missed');
  const died: Observation = { ...hinted('die'), outOfMemory: true } as Observation;
  const stopping = { ...hinted('kill', 15, T0 + 400), type: 'hinted' } as Observation;
  assert.equal(given(announced, stopping).when(died), [], 'it was withdrawn by the signal');
});

test('oom alone withdraws nothing: another process than the main one may have been taken', () => {
  assert.equal(given(announced).when(hinted('oom')), []);
  assert.equal(given(announced, hinted('oom')).when(inspected(plain(), T0 + 600)), []);
});

test('hints about what is not known or not running conclude nothing', () => {
  for (const action of ['kill', 'die', 'oom', 'pause', 'unhealthy'] as const) {
    assert.equal(given().when(hinted(action, 15)), []);
  }
});

// Networks and labels

test('a network that goes takes the address, and the name, with it', () => {
  const disconnected = plain({ networks: [], ports: [published('80/tcp')] });
  assert.equal(given(announced).when(inspected(disconnected)), ['ContainerRefused', 'withdrawn web: disconnected']);
  assert.equal(given(announced, inspected(disconnected)).when(inspected(plain(), T0 + 2)), ['announced web']);
  const unlabelled = (changes: Partial<ContainerFacts> = {}) => inspected(facts({ health: 'healthy', ...changes }));
  assert.equal(given(unlabelled()).when(unlabelled({ networks: [], ports: [published('80/tcp')] })), [
    'withdrawn web: disconnected',
  ]);
});

test('a check that passes announces nothing whose address went meanwhile', () => {
  const disconnected = inspected(facts({ networks: [], ports: [published('80/tcp')] }), T0 + 50);
  assert.equal(given(inspected(facts())).when(disconnected), ['InstanceForgotten']);
  assert.equal(given(inspected(facts()), disconnected).when(probed(facts(), true)), ['80/tcp passes']);
  const reconnected = inspected(facts(), T0 + 200);
  assert.equal(given(inspected(facts()), disconnected, probed(facts(), true)).when(reconnected), ['announced web']);
});

test('other settings of the announcer move its keys', () => {
  const { state } = given(announced);
  const moved = decide(state, inspected(plain(), T0 + 1), rules({ prefix: '/other' })).map(brief);
  assert.equal(moved, ['withdrawn web: relabelled', 'announced web']);
});

test('a refusal is said once in a run', () => {
  const container = plain({ labels: { 'rollcall.weight': '0' } });
  const [state, events] = observe(initialState, inspected(container), RULES);
  assert.equal(events.map(brief), ['ContainerStarted', 'ContainerRefused', 'announced web']);
  assert.equal(decide(state, inspected(container, T0 + 1), RULES), []);
});

test('a label with thousands of faults is a handful of events', () => {
  const items = Array.from({ length: 20_000 }, (_, at) => `x${at}`);
  const container = plain({ labels: { 'rollcall.port': items.join(',') } });
  assert.is(
    given()
      .when(inspected(container))
      .filter((event) => event === 'ContainerRefused').length,
    4,
  );
});

test('two containers never get one key: the first keeps it, the second waits', () => {
  const labels = { SERVICE_ID: 'main' };
  const first = inspected(plain({ labels }));
  const second = inspected(plain({ labels, id: OTHER_ID }), T0 + 1);
  assert.equal(given(first).when(second), ['ContainerStarted', 'held web: key-taken']);
  const { state } = given(first, second);
  assert.is(state.instances.get('/skydns/com/example/prod/s/web/node-1/main' as never)?.container, ID);
  const gone: Observation = { type: 'vanished', container: ID, cause: 'docker destroy', atMs: T0 + 2 };
  assert.equal(given(first, second, gone).when(second), ['announced web']);
});

const TWINS_KEY = '/skydns/com/example/prod/s/web/node-1/main';
const twin = (changes: Partial<ContainerFacts> = {}) => facts({ ...changes, labels: { SERVICE_ID: 'main' } });
const ownerOf = (state: AnnouncerState) => state.instances.get(TWINS_KEY as never)?.container;

test('a check that passes takes no key from another container: it is held until that one ends', () => {
  const [first, second] = [twin(), twin({ id: OTHER_ID })];
  const seen = [inspected(first), probed(first, true), inspected(second, T0 + 200)];
  assert.equal(given(...seen).when(probed(second, true)), ['80/tcp passes', 'held web: key-taken']);
  const twins = given(...seen, probed(second, true));
  assert.is(ownerOf(twins.state), ID);
  assert.equal(twins.state.containers.get(ID)?.keys, [TWINS_KEY]);
  assert.equal(twins.when(probed(second, true)), [], 'quiet on repeats');
  assert.equal(twins.when(inspected(second, T0 + 300)), [], 'and an inspect says the same');
  assert.equal(dueForRecheck(twins.state, T0 + 1e9, RULES), []);
  const ended = given(...seen, probed(second, true), hinted('die'));
  assert.equal(dueForRecheck(ended.state, T0 + 600, RULES), [OTHER_ID]);
  assert.equal(ended.when(inspected(second, T0 + 600, 'recheck')), ['announced web']);
});

test('of two whose checks pass one after the other, the first has the key', () => {
  const [first, second] = [twin(), twin({ id: OTHER_ID })];
  const both = [inspected(first), inspected(second)];
  assert.is(ownerOf(given(...both, probed(second, true), probed(first, true)).state), OTHER_ID);
  assert.is(ownerOf(given(...both, probed(first, true), probed(second, true)).state), ID);
  const failing = given(...both, probed(first, true), probed(second, true), probed(first, false));
  assert.equal(dueForRecheck(failing.state, T0 + 200, RULES), [OTHER_ID]);
});

// Crash loops

function crashLoop(times: number, from = T0): AnnouncerState {
  let state = initialState;
  for (let n = 0; n < times; n += 1) {
    const startedAt = new Date(from + n * 1000).toISOString();
    const running = plain({ startedAt, restartCount: n });
    state = observe(state, inspected(running, from + n * 1000), RULES)[0];
    const dead = plain({ startedAt, restartCount: n + 1, state: 'restarting', pid: 0, exitCode: 1 });
    state = observe(state, inspected(dead, from + n * 1000 + 500), RULES)[0];
  }
  return state;
}

test('a crash loop is held down, and says for how long', () => {
  const state = crashLoop(4);
  const again = plain({ startedAt: run2, restartCount: 4 });
  const events = decide(state, inspected(again, T0 + 5000), RULES);
  assert.equal(events.map(brief), ['ContainerStarted', 'held web: damped']);
  assert.match(
    (events.at(-1) as { detail: string }).detail,
    /penalty 3\d{3}, announced again below 1000, in 1\d\d s if it lives/,
  );
});

test('it is announced again once its penalty has decayed', () => {
  const again = plain({ startedAt: run2, restartCount: 4 });
  const [state] = observe(crashLoop(4), inspected(again, T0 + 5000), RULES);
  assert.equal(decide(state, inspected(again, T0 + 60_000), RULES), []);
  assert.equal(decide(state, inspected(again, T0 + 130_000), RULES).map(brief), ['ContainerReleased', 'announced web']);
});

test('deaths that no inspect saw are counted by the engine’s restarts', () => {
  const startedAt = new Date(T0 + 10_000).toISOString();
  const looped = inspected(plain({ startedAt, restartCount: 5 }), T0 + 10_000);
  assert.equal(given(announced).when(looped), [
    'stopped by itself, exit -1, penalty 5000',
    'ContainerStarted',
    'withdrawn web: damped',
  ]);
});

test('deaths that no inspect saw count as well after one that was seen, and the restart that follows it does not', () => {
  const startedAt = new Date(T0 + 1000).toISOString();
  const seenAgain = (restartCount: number): string[] =>
    decide(crashLoop(1), inspected(plain({ startedAt, restartCount }), T0 + 1000), RULES).map(brief);
  assert.equal(seenAgain(2), ['ContainerStarted', 'announced web']);
  assert.match(seenAgain(5)[0] ?? '', /^stopped by itself, exit -1, penalty 39\d\d$/);
});

test('deaths of long ago, learned of only now, hold nothing down', () => {
  const startedAt = new Date(T0 + 10_000).toISOString();
  const survivor = inspected(plain({ startedAt, restartCount: 5 }), T0 + 310_000);
  assert.equal(given(announced).when(survivor), ['stopped by itself, exit -1, penalty 156', 'ContainerStarted']);
});

test('restarts by hand are no flaps, however many', () => {
  let state = initialState;
  for (let n = 0; n < 20; n += 1) {
    const atMs = T0 + n * 1000;
    const running = plain({ startedAt: new Date(atMs).toISOString() });
    const seen = [inspected(running, atMs), hinted('kill', 15, atMs + 100), hinted('die', undefined, atMs + 200)];
    state = seen.reduce((folded, each) => observe(folded, each, RULES)[0], state);
  }
  const events = decide(state, inspected(plain({ startedAt: run2 }), T0 + 30_000), RULES);
  assert.equal(events.map(brief), ['stopped by request, exit -1, penalty 0', 'ContainerStarted', 'announced web']);
});

test('a clock that goes back an hour hides nothing for an hour', () => {
  const again = plain({ startedAt: run2, restartCount: 4 });
  assert.equal(
    decide(crashLoop(4), inspected(again, T0 - 3_600_000), RULES)
      .map(brief)
      .at(-1),
    'announced web',
  );
  const stopping = given(announced, hinted('kill', 15));
  assert.equal(stopping.when(inspected(plain(), T0 - 3_600_000)).at(-1), 'announced web');
});

// Lists

const many = Array.from({ length: 8 }, (_, n) => inspected(plain({ id: `${n}`.repeat(64), name: `c${n}` }), T0 + n));
const listed = (ids: readonly string[], confirmed?: boolean): Observation => ({
  type: 'listed',
  containers: ids,
  atMs: T0 + 1000,
  ...(confirmed === undefined ? {} : { confirmed }),
});
const ids = (...numbers: number[]) => numbers.map((n) => `${n}`.repeat(64));

test('what is not in the list is gone, and its end was missed', () => {
  assert.equal(given(...many).when(listed(ids(0, 1, 2, 3, 4, 5, 6))), [
    'drift missed-stop',
    'stopped by request, exit -1, penalty 0',
    'withdrawn web: gone',
    'ContainerRemoved',
  ]);
  assert.equal(given(...many).when(listed(ids(0, 1, 2, 3, 4, 5, 6, 7))), []);
});

test('a stopped container that is removed is no drift', () => {
  const exited = inspected(plain({ state: 'exited', pid: 0, exitCode: 143 }), T0 + 1);
  assert.equal(given(announced, exited).when(listed([])), ['ContainerRemoved']);
});

test('losing most of a host at once is not believed before each is looked at', () => {
  const { state } = given(...many);
  assert.equal(given(...many).when(listed([])), []);
  assert.equal(unconfirmedLosses(state, listed([])), ids(0, 1, 2, 3, 4, 5, 6, 7));
  assert.equal(unconfirmedLosses(state, listed(ids(0, 1, 2))), ids(3, 4, 5, 6, 7));
  assert.equal(unconfirmedLosses(state, listed(ids(0, 1, 2, 3))), [], 'half of it is');
  assert.is(
    given(...many)
      .when(listed([], true))
      .filter((event) => event.startsWith('withdrawn')).length,
    8,
  );
});

test('a few are believed, however few there are', () => {
  const few = many.slice(0, 3);
  assert.is(
    given(...few)
      .when(listed([]))
      .filter((event) => event.startsWith('withdrawn')).length,
    3,
  );
});

test('an inspect that finds nothing is believed: it looked at that one', () => {
  const vanished: Observation = { type: 'vanished', container: ID, cause: 'docker destroy', atMs: T0 + 1 };
  assert.equal(given(announced).when(vanished), [
    'stopped by request, exit -1, penalty 0',
    'withdrawn web: removed',
    'ContainerRemoved',
  ]);
  assert.equal(given().when(vanished), []);
});

test('what is gone before its end was inspected has ended all the same: as asked, if its signal was told', () => {
  const hint = (action: 'kill' | 'die'): Observation => ({
    ...{ type: 'hinted', container: ID, action, atMs: T0 + 1, engineTimeNano: '1' },
    ...(action === 'kill' && { signal: 9 }),
  });
  const gone: Observation = { type: 'vanished', container: ID, cause: 'docker destroy', atMs: T0 + 2, causedAtMs: T0 };
  assert.equal(given(announced, hint('kill'), hint('die')).when(gone), [
    'stopped by request, exit -1, penalty 0',
    'ContainerRemoved',
  ]);
  const byItself = given(announced, hint('die'));
  assert.equal(byItself.when(gone), ['stopped by itself, exit -1, penalty 0', 'ContainerRemoved'], 'docker run --rm');
  const exited = inspected(plain({ state: 'exited', pid: 0, exitCode: 143 }), T0 + 1);
  assert.equal(given(announced, exited).when(gone), ['ContainerRemoved'], 'its end was told');
});

test('what a comparison changes counts as drift', () => {
  const compare = (container: ContainerFacts) => inspected(container, T0 + 1000, COMPARISON);
  assert.equal(given().when(compare(plain())).at(-1), 'drift missed-start');
  assert.equal(
    given(announced)
      .when(compare(plain({ state: 'paused' })))
      .at(-1),
    'drift missed-stop',
  );
  assert.equal(
    given(announced)
      .when(compare(plain({ ports: [published('80/tcp', 1)] })))
      .at(-1),
    'drift missed-change',
  );
  assert.equal(given(announced).when(compare(plain())), []);
});

test('an announcer that stops withdraws everything', () => {
  const stopping: Observation = { type: 'stopping', atMs: T0 + 1000 };
  const events = given(...many).when(stopping);
  assert.equal(new Set(events), new Set(['withdrawn web: announcer-stopped']));
  assert.is(events.length, 8);
  assert.equal(given(...many, stopping).keys(), []);
  assert.equal(given(...many, stopping).when(stopping), []);
});

test('decide and evolve say what observe says', () => {
  const [state, events] = observe(initialState, announced, RULES);
  assert.equal(decide(initialState, announced, RULES), events);
  assert.equal(events.reduce(evolve, initialState).desired.toObject(), state.desired.toObject());
});

test('what is decided says when its cause happened, where that was seen, and not where it was only found', () => {
  const times = (state: AnnouncerState, seen: Observation): (number | undefined)[] =>
    decide(state, seen, RULES).flatMap((event) =>
      event.type === 'InstanceAnnounced' || event.type === 'InstanceWithdrawn' ? [event.causedAtMs] : [],
    );
  const started = { ...(announced as Extract<Observation, { type: 'inspected' }>), causedAtMs: T0 - 4 };
  assert.equal(times(initialState, started), [T0 - 4]);
  assert.equal(times(initialState, inspected(plain(), T0, 'list')), [undefined]);
  const { state } = given(announced);
  assert.equal(times(state, { ...hinted('kill', 15), engineTimeNano: `${T0 + 497}123456` } as Observation), [T0 + 497]);
  assert.equal(times(state, { ...hinted('die'), engineTimeNano: '0' } as Observation), [undefined]);
  assert.equal(
    times(state, { type: 'vanished', container: ID, atMs: T0, cause: 'docker destroy', causedAtMs: T0 - 1 }),
    [T0 - 1],
  );
  assert.equal(times(state, { type: 'listed', atMs: T0, containers: [] }), [undefined]);
  assert.equal(times(state, { type: 'drain-asked', atMs: T0 + 9, of: 'host' }), [T0 + 9]);
  assert.equal(times(state, { type: 'stopping', atMs: T0 + 9 }), [T0 + 9]);
  const checked = facts({ labels: { 'rollcall.check': 'tcp' } });
  const waiting = given(inspected(checked)).state;
  assert.equal(times(waiting, probed(checked, true)), [T0 + 100]);
  const passing = given(inspected(checked), probed(checked, true)).state;
  assert.equal(times(passing, probed(checked, false, '80/tcp', T0 + 700)), [T0 + 700]);
});

test.run();
