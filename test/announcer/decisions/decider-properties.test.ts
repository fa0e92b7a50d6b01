/** What must hold for every sequence of observations: repeated, reordered, lost, made up, and with clocks that jump. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isActive } from '../../../announcer/checks/check-setting.ts';
import { decide, dueForRecheck, evolve, observe } from '../../../announcer/decisions/decider.ts';
import { desiredKeys } from '../../../announcer/decisions/desired.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import { factsOf } from '../../../announcer/docker/inspect.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import { retimed } from '../../../announcer/naming/value.ts';
import type { Observation } from '../../../announcer/observation.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { facts, published, rules } from '../../support/container-facts.ts';
import fc from '../../support/properties.ts';
import { stateOfText, textOfState } from '../../support/state-text.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:00Z');
const IDS = Array.from({ length: 6 }, (_, n) => `${n}`.repeat(64));

/** A container's configuration, which never changes, by its id. */
const CONFIGURATIONS: readonly Partial<ContainerFacts>[] = [
  { labels: { 'rollcall.check': 'none' } },
  { ports: [published('80/tcp', 8080), published('443/tcp', 8443)] },
  { labels: { 'rollcall.check': 'healthcheck' }, health: 'starting', stopSignal: 3 },
  { labels: { 'rollcall.check': 'exec:true', 'rollcall.weight': '0' } },
  { labels: { 'rollcall.check': 'tcp' }, ports: [published('53/tcp', 53), published('53/udp', 53)] },
  { networkMode: 'host', ports: [published('9000/tcp')], labels: { 'rollcall.check': 'none' } },
];

const health = fc.constantFrom('starting', 'healthy', 'unhealthy') as fc.Arbitrary<ContainerFacts['health']>;

const anyFacts: fc.Arbitrary<ContainerFacts> = fc
  .record({
    at: fc.nat({ max: IDS.length - 1 }),
    run: fc.nat({ max: 3 }),
    state: fc.constantFrom<ContainerFacts['state']>('running', 'running', 'running', 'paused', 'restarting', 'exited'),
    health,
    restartCount: fc.nat({ max: 6 }),
    exitCode: fc.constantFrom(0, 1, 137, 143),
    isConnected: fc.boolean(),
  })
  .map(({ at, run, state, health, restartCount, exitCode, isConnected }) => {
    const configured = facts({ ...CONFIGURATIONS[at] });
    return {
      ...configured,
      id: IDS[at] as string,
      name: `c${at}`,
      startedAt: new Date(T0 + run * 60_000).toISOString(),
      state,
      pid: state === 'running' || state === 'paused' ? 100 + at : 0,
      health: configured.health === 'none' ? 'none' : health,
      restartCount,
      exitCode,
      ports: configured.ports.map((port) => (isConnected ? port : { ...port, bindings: [] })),
      networks: isConnected ? configured.networks : [],
    };
  });

const results = fc.uniqueArray(
  fc.record({
    port: fc.constantFrom('80/tcp', '443/tcp', '53/tcp', '53/udp', '9000/tcp', '*'),
    passing: fc.boolean(),
    detail: fc.constant('seen'),
  }),
  { maxLength: 4, selector: ({ port }) => port },
);

/** By a clock that mostly advances and sometimes jumps by an hour. */
const step = fc.oneof(
  { weight: 9, arbitrary: fc.nat({ max: 20_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-3_600_000, 3_600_000) },
);

const anySight = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('inspected' as const),
      facts: anyFacts,
      cause: fc.constantFrom('list', 'comparison'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('probed' as const), facts: anyFacts, results }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('hinted' as const),
      container: fc.constantFrom(...IDS),
      action: fc.constantFrom(
        'kill' as const,
        'kill' as const,
        'die' as const,
        'oom' as const,
        'pause' as const,
        'unhealthy' as const,
      ),
      signal: fc.constantFrom(1, 3, 9, 15),
      engineTimeNano: fc.nat({ max: 1_000_000 }).map((n) => `${n}`),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('vanished' as const),
      container: fc.constantFrom(...IDS),
      cause: fc.constant('docker destroy'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('listed' as const),
      containers: fc.subarray(IDS),
      confirmed: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('services-read' as const),
      services: fc.uniqueArray(
        fc.record({
          name: fc.constantFrom('db', 'Mail_1', '_bad'),
          host: fc.constantFrom('192.0.2.1', '::', 'db.example.org'),
        }),
        {
          selector: ({ name, host }) => name + host,
          maxLength: 3,
        },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'stopping' as const }) },
);

const history: fc.Arbitrary<Observation[]> = fc
  .array(fc.tuple(step, anySight, fc.integer({ min: 1, max: 2 })), { maxLength: 40 })
  .map((steps) => {
    let atMs = T0;
    return steps.flatMap(([ms, sight, times]) => {
      atMs += ms;
      return Array.from({ length: times }, (): Observation => ({ ...sight, atMs }));
    });
  });

/** What every container is in truth, by id; those left out do not exist. */
const world = fc.uniqueArray(anyFacts, { selector: ({ id }) => id, maxLength: IDS.length });

function fold(seen: readonly Observation[]): readonly [AnnouncerState, readonly AnnouncerEvent[]] {
  let state = initialState;
  const events: AnnouncerEvent[] = [];
  for (const each of seen) {
    const [next, concluded] = observe(state, each, RULES);
    state = next;
    events.push(...concluded);
  }
  return [state, events];
}

/** Reads the rules anew, without the decider: the keys that must stand when everything is as `truth` says. */
function expectedKeys(truth: readonly ContainerFacts[], isPassing: (port: string) => boolean): Map<string, string> {
  const expected = new Map<string, string>();
  for (const container of truth) {
    if (container.state !== 'running' || container.pid === 0) continue;
    for (const { key, value, check } of candidatesOf(container, RULES).candidates) {
      const isReady = isActive(check) ? isPassing(check.port) : check.kind === 'none' || container.health === 'healthy';
      if (isReady) expected.set(key, value);
    }
  }
  return expected;
}

function announcedOf(state: AnnouncerState): Map<string, string> {
  const entries = [...desiredKeys(state)].filter(([key]) => !state.instances.get(key)?.container.startsWith('static:'));
  return new Map(entries.sort().map(([key, value]) => [key, retimed(value, undefined)]));
}

const test = suite('announcer/decider: properties');

test('once everything has been looked at, the keys are what inspect and the checks say, whatever came before', () => {
  const passing = fc.subarray(['80/tcp', '443/tcp', '53/tcp', '53/udp', '*']);
  // Beyond every bound of a stop signal and of damping, or after a clock that went back: neither may hide a name.
  const settle = fc.constantFrom(3_600_000, -8 * 3_600_000);
  fc.assert(
    fc.property(history, world, passing, settle, fc.boolean(), (seen, truth, ports, settleMs, listFirst) => {
      const atMs =
        settleMs > 0
          ? Math.max(T0, ...seen.map((each) => each.atMs)) + settleMs
          : Math.min(T0, ...seen.map((each) => each.atMs)) + settleMs;
      const list: Observation = { type: 'listed', containers: truth.map(({ id }) => id), confirmed: true, atMs };
      const looks = truth.flatMap((container): Observation[] => {
        const verdicts = ['80/tcp', '443/tcp', '53/tcp', '53/udp', '*'].map((port) => ({
          port,
          passing: ports.includes(port),
          detail: 'seen',
        }));
        return [
          { type: 'inspected', facts: container, cause: 'list', atMs },
          { type: 'probed', facts: container, results: verdicts, atMs },
        ];
      });
      const [state] = fold([...seen, ...(listFirst ? [list, ...looks] : [...looks, list])]);
      const expected = expectedKeys(truth, (port) => ports.includes(port));
      assert.equal(announcedOf(state), new Map([...expected].sort()));
    }),
    { numRuns: 400 },
  );
});

test('no key stands for longer than the inspect that denies it', () => {
  fc.assert(
    fc.property(history, anyFacts, (seen, container) => {
      const atMs = (seen.at(-1)?.atMs ?? T0) + 1;
      const [state] = fold([...seen, { type: 'inspected', facts: container, cause: 'list', atMs }]);
      const allowed = new Map<string, string>();
      if (container.state === 'running') {
        for (const { key, value } of candidatesOf(container, RULES).candidates) allowed.set(key, value);
      }
      for (const key of state.containers.get(container.id)?.keys ?? []) {
        assert.is(retimed(state.desired.get(key) ?? '', undefined), allowed.get(key), key);
      }
    }),
    { numRuns: 300 },
  );
});

test('a repeat concludes nothing', () => {
  fc.assert(
    fc.property(history, (seen) => {
      let state = initialState;
      for (const each of seen) {
        state = observe(state, each, RULES)[0];
        assert.equal(decide(state, each, RULES), [], `repeat of ${JSON.stringify(each)}`);
      }
    }),
    { numRuns: 300 },
  );
});

test('replaying the events gives the state, byte for byte, and so does a snapshot', () => {
  fc.assert(
    fc.property(history, (seen) => {
      const [state, events] = fold(seen);
      const json = textOfState(state);
      assert.is(textOfState(events.reduce(evolve, initialState)), json);
      const stored = JSON.parse(JSON.stringify(events)) as AnnouncerEvent[];
      assert.is(textOfState(stored.reduce(evolve, initialState)), json);
      const restored = stateOfText(json);
      assert.is(textOfState(restored), json);
      assert.equal([...desiredKeys(restored)].sort(), [...desiredKeys(state)].sort());
      assert.equal([...restored.waiting].sort(), [...state.waiting].sort());
    }),
    { numRuns: 300 },
  );
});

test('what is desired is what the instances hold, and each is of one container that says so', () => {
  fc.assert(
    fc.property(history, (seen) => {
      const [state] = fold(seen);
      assert.is(state.desired.size, state.instances.size);
      for (const [key, { container, value }] of state.instances) {
        assert.is(state.desired.get(key), value);
        assert.ok(state.containers.get(container)?.keys.includes(key), key);
      }
    }),
    { numRuns: 300 },
  );
});

test('no key is announced of one while it is announced of another, and whoever waits for a free key is due', () => {
  fc.assert(
    fc.property(history, (seen) => {
      let state = initialState;
      for (const each of seen.map(withTwins)) {
        for (const event of decide(state, each, RULES)) {
          if (event.type === 'InstanceAnnounced') {
            const owner = state.instances.get(event.key)?.container ?? event.container;
            assert.is(event.container, owner, `${event.key} is taken from ${owner}`);
          }
          state = evolve(state, event);
        }
        const due = dueForRecheck(state, each.atMs, RULES);
        for (const [id, { held }] of state.containers) {
          for (const [key, { reason }] of Object.entries(held)) {
            if (reason !== 'key-taken' || state.instances.has(key as EtcdKey)) continue;
            assert.ok(due.includes(id), `${id} waits for ${key}, which nobody has`);
          }
        }
      }
    }),
    { numRuns: 400 },
  );
});

/** Every container has the same `SERVICE_ID`, and so has an entry of the services file. */
function withTwins(seen: Observation): Observation {
  if ('facts' in seen) return { ...seen, facts: { ...seen.facts, labels: { ...seen.facts.labels, SERVICE_ID: 'a' } } };
  if (seen.type !== 'services-read') return seen;
  return { ...seen, services: seen.services.map((entry) => ({ ...entry, name: 'web', instance: 'a' })) };
}

test('every run that began has ended once before the next begins, and before its container is removed', () => {
  fc.assert(
    fc.property(history, (seen) => {
      const running = new Set<string>();
      for (const event of fold(seen)[1]) {
        if (event.type === 'ContainerStarted') {
          assert.not.ok(running.has(event.container), 'a run begins within another');
          running.add(event.container);
        }
        // Whole runs that nobody saw end as well.
        if (event.type === 'ContainerStopped') running.delete(event.container);
        if (event.type === 'ContainerRemoved') assert.not.ok(running.has(event.container), 'removed while it runs');
      }
    }),
    { numRuns: 300 },
  );
});

test('no event carries an environment variable’s value but those that are there to be published', () => {
  const variable = fc.constantFrom(
    'SERVICE_NAME',
    'SERVICE_80_NAME',
    'SERVICE_ID',
    'SERVICE_PASSWORD',
    'SERVICE_80_TOKEN',
    'SERVICE_IGNORE',
    'SERVICE_80_IGNORE',
    'DB_PASSWORD',
    'PATH',
  );
  // Upper case, so that a name made of it differs from it.
  const secret = fc.stringMatching(/^S[A-Z0-9_+=/. -]{6,80}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(variable, secret), { maxLength: 6 }), (environment) => {
      const inspect = {
        Id: IDS[0],
        Name: '/web',
        State: { Status: 'running', Running: true, Pid: 1, StartedAt: '2026-11-20T12:00:00Z' },
        Config: { Image: 'web', Env: environment.map(([name, value]) => `${name}=${value}`) },
        NetworkSettings: { Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] } },
      };
      const seen: Observation = { type: 'inspected', facts: factsOf(inspect), cause: 'list', atMs: T0 };
      const told = JSON.stringify(decide(initialState, seen, RULES));
      for (const [, value] of environment) assert.not.ok(told.includes(value), told);
    }),
    { numRuns: 500 },
  );
});

test.run();
