import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dueForRecheck, observe, recheckAtMs } from '../../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../../announcer/event.ts';
import type { ContainerFacts } from '../../../../announcer/facts.ts';
import type { Observation } from '../../../../announcer/observation.ts';
import type { StaticService } from '../../../../announcer/services/static-services.ts';
import { decodeRecord } from '../../../../shared/record.ts';
import { facts, ID, rules } from '../../../support/container-facts.ts';

const T0 = Date.parse('2026-11-20T12:00:00Z');
const read = (services: readonly StaticService[], state: AnnouncerState = initialState, atMs = T0) =>
  observe(state, { type: 'services-read', services, atMs }, rules());
const keysOf = (state: AnnouncerState) =>
  [...state.desired.keys()].map((key) => key.replace('/skydns/com/example/prod/s/', '')).sort();
const WEB: StaticService = { name: 'web', host: '192.0.2.10', port: 8080, portName: 'http' };

const test = suite('announcer/static-instances');

test('announces each entry below this host, with an instance made of host and port', () => {
  const [state] = read([WEB, { ...WEB, host: '192.0.2.11' }, { name: 'db', host: 'db.example.org' }]);
  assert.equal(keysOf(state), ['db/node-1/db-example-org', 'web/node-1/192-0-2-10-8080', 'web/node-1/192-0-2-11-8080']);
  assert.equal([...state.containers.keys()].sort(), ['static:db', 'static:web']);
});

test('the record has the entry’s fields, the default TTL, and the time', () => {
  const [state] = read([{ ...WEB, text: 'x', weight: 5 }]);
  const [value = ''] = [...state.desired.values()];
  assert.equal(decodeRecord(value), {
    ok: true,
    record: {
      host: '192.0.2.10',
      port: 8080,
      portName: 'http',
      protocol: 'tcp',
      text: 'x',
      weight: 5,
      ttl: 5,
      owner: 'node-1/a1b2',
      container: 'static:web',
      announcedAt: '2026-11-20T12:00:00.000Z',
    },
  });
});

test('stays quiet when the file is read again, and says what changed', () => {
  const [state] = read([WEB]);
  assert.equal(read([WEB], state, T0 + 1)[1], []);
  const types = read([{ ...WEB, ttl: 9 }], state, T0 + 1)[1].map(({ type }) => type);
  assert.equal(types, ['InstanceAnnounced']);
});

test('what the file does not say any more is withdrawn', () => {
  const [state] = read([WEB, { ...WEB, host: '192.0.2.11' }, { name: 'db', host: '192.0.2.20' }]);
  const [next, events] = read([WEB], state, T0 + 1);
  assert.equal(keysOf(next), ['web/node-1/192-0-2-10-8080']);
  assert.equal(events.map((event) => ('reason' in event ? `${event.type} ${event.reason}` : event.type)).sort(), [
    'ContainerRemoved',
    'InstanceWithdrawn relabelled',
    'InstanceWithdrawn relabelled',
  ]);
});

test('loopback is taken as given: a person wrote it', () => {
  assert.equal(keysOf(read([{ name: 'web', host: '127.0.0.1', port: 80 }])[0]), ['web/node-1/127-0-0-1-80']);
  assert.equal(keysOf(read([{ name: 'web', host: '::1', port: 80 }])[0]), ['web/node-1/1-80']);
});

const REFUSED: readonly (readonly [StaticService, RegExp])[] = [
  [{ name: '_web', host: '192.0.2.1' }, /name "_web" begins or ends with a hyphen/],
  [{ name: 'web', host: '0.0.0.0' }, /host 0.0.0.0 names no host/],
  [{ name: 'web', host: '192.0.2.1:80' }, /host "192.0.2.1:80" is no address and no name of a host/],
  [{ name: 'web', host: '' }, /host "" is empty/],
  [{ name: 'web', host: 'a..b' }, /empty label/],
  [{ name: 'web', host: '192.0.2.1', port: 70_000 }, /port 70000: must be 1 to 65535/],
  [{ name: 'web', host: '192.0.2.1', instance: 'a'.repeat(70) }, /instance .* has 70 characters/],
];
for (const [entry, reason] of REFUSED) {
  test(`refuses ${JSON.stringify(entry).slice(0, 60)}, and that alone`, () => {
    const [state, events] = read([entry, { name: 'db', host: '192.0.2.20' }]);
    assert.equal(keysOf(state), ['db/node-1/192-0-2-20']);
    const refusals = events.flatMap((event) => (event.type === 'ContainerRefused' ? [event.reason] : []));
    assert.is(refusals.length, 1);
    assert.match(refusals[0] ?? '', reason);
    assert.equal(read([entry, { name: 'db', host: '192.0.2.20' }], state, T0 + 1)[1], []);
  });
}

const LEFT_OUT: readonly (readonly [keyof StaticService, unknown, RegExp])[] = [
  ['ttl', 0, /^ttl 0: must be 1 to 86400 seconds; left out, the rest stands$/],
  ['ttl', 2 ** 31, /^ttl 2147483648: must be 1 to 86400/],
  ['ttl', -1, /^ttl -1: must be 1 to 86400/],
  ['priority', 0, /^priority 0: must be 1 to 65535; 0 would be read as absent, which is 10; left out/],
  ['weight', 0.5, /^weight 0.5: must be 1 to 65535; 0 would be read as absent, which is 100; left out/],
  ['targetstrip', 128, /^targetstrip 128: must be 0 to 127 labels/],
  ['group', 'g'.repeat(64), /^group "g+": has 64 octets; at most 63; left out/],
  ['text', 't'.repeat(100_000), /^text "t{99}: has 100000 octets; at most 1024; left out/],
];
for (const [field, value, reason] of LEFT_OUT) {
  test(`${field} ${String(value).slice(0, 10)} costs that value alone, as of a label`, () => {
    const [without] = read([WEB]);
    const [state, events] = read([{ ...WEB, [field]: value }]);
    assert.equal([...state.desired], [...without.desired]);
    const refusals = events.flatMap((event) => (event.type === 'ContainerRefused' ? [event.reason] : []));
    assert.is(refusals.length, 1);
    assert.match(refusals[0] ?? '', reason);
    assert.equal(read([{ ...WEB, [field]: value }], state, T0 + 1)[1], [], 'quiet on repeats');
  });
}

test('of thousands of bad entries of one name the first few are told, and how many more there are', () => {
  const bad = Array.from({ length: 5000 }, (_, at): StaticService => ({ ...WEB, port: 70_000 + at }));
  const [state, events] = read(bad);
  assert.is(events.length, 21);
  assert.match(JSON.stringify(events.at(-1)), /and 4980 more things that are wrong with entries of this name/);
  assert.equal(read(bad, state, T0 + 1)[1], []);
});

test('a fault that is mended and made again is said again, one at a time', () => {
  const types = (events: readonly AnnouncerEvent[]) =>
    events.map((event) => ('reason' in event ? `${event.type} ${event.reason.slice(0, 5)}` : event.type));
  const other: StaticService = { ...WEB, host: '192.0.2.11' };
  const [bad] = read([
    { ...WEB, ttl: 0 },
    { ...other, weight: 0 },
  ]);
  const [mended, events] = read([WEB, { ...other, weight: 0 }], bad, T0 + 1);
  assert.equal(types(events), ['ContainerRefusalEnded ttl 0']);
  assert.equal(read([WEB, { ...other, weight: 0 }], mended, T0 + 2)[1], [], 'quiet on repeats');
  const [again, said] = read(
    [
      { ...WEB, ttl: 0 },
      { ...other, weight: 0 },
    ],
    mended,
    T0 + 3,
  );
  assert.equal(types(said), ['ContainerRefused ttl 0']);
  assert.equal(types(read([], again, T0 + 4)[1]).at(-1), 'ContainerRemoved');
  const [refused] = read([{ ...WEB, port: 0 }]);
  assert.equal(types(read([WEB], refused, T0 + 1)[1]), ['ContainerRefusalEnded port ', 'InstanceAnnounced']);
});

test('two entries never get one key', () => {
  const [state, events] = read([WEB, WEB]);
  assert.is(state.desired.size, 1);
  const refusal = events.find((event) => event.type === 'ContainerRefused');
  assert.match((refusal as { reason: string }).reason, /is that of another entry already; give each its own instance/);
});

test('an entry that is renamed without changing its key is withdrawn and announced, never lost', () => {
  const [state] = read([{ ...WEB, name: 'Web' }]);
  const [next, events] = read([WEB], state, T0 + 1);
  assert.equal(
    events.map(({ type }) => type),
    ['InstanceWithdrawn', 'ContainerRemoved', 'InstanceAnnounced'],
  );
  assert.equal(keysOf(next), ['web/node-1/192-0-2-10-8080']);
});

test('the engine’s list and an empty engine take no static service away', () => {
  const [state] = read([WEB]);
  const [listed] = observe(state, { type: 'listed', containers: [], confirmed: true, atMs: T0 + 1 }, rules());
  assert.equal(keysOf(listed), keysOf(state));
});

const CHECKED: StaticService = { ...WEB, check: 'tcp' };
const probed = (state: AnnouncerState, passing: boolean, probe = 'tcp 192.0.2.10:8080', detail = 'a detail') =>
  observe(state, { type: 'service-probed', container: 'static:web', probe, passing, detail, atMs: T0 }, rules())[0];

test('an entry with a check is held until it passes, withdrawn while it fails, and its value has no check', () => {
  const [waiting, events] = read([CHECKED]);
  assert.equal(
    events.map((event) => (event.type === 'InstanceHeld' ? `${event.reason}: ${event.detail}` : event.type)),
    ['probe-failing: waiting for the first result of its check (tcp 192.0.2.10:8080)'],
  );
  assert.equal(read([CHECKED], waiting)[1], [], 'quiet on repeats');
  const [passing] = read([CHECKED], probed(waiting, true));
  assert.equal(keysOf(passing), ['web/node-1/192-0-2-10-8080']);
  assert.not.ok([...passing.desired.values()].join().includes('check'));
  const [failing, withdrawn] = read([CHECKED], probed(passing, false));
  assert.equal(keysOf(failing), []);
  assert.ok(withdrawn.some((event) => event.type === 'InstanceWithdrawn' && event.reason === 'probe-failing'));
});

test('an entry that is held says why its check fails by now', () => {
  const failing = probed(read([CHECKED])[0], false, undefined, 'connection refused');
  const [, events] = read([CHECKED], probed(read([CHECKED], failing)[0], false, undefined, 'no answer within 2 s'));
  assert.equal(
    events.map((event) => (event.type === 'InstanceHeld' ? `${event.reason}: ${event.detail}` : event.type)),
    ['probe-failing: no answer within 2 s'],
  );
});

test('the check of one entry says nothing about another one of the same name', () => {
  const both = [CHECKED, { ...CHECKED, host: '192.0.2.11' }];
  const [state] = read(both, probed(read(both)[0], true, 'tcp 192.0.2.11:8080'));
  assert.equal(keysOf(state), ['web/node-1/192-0-2-11-8080']);
});

test('what stands is not withdrawn because the file gives it a check, but because that fails', () => {
  const [state] = read([CHECKED], read([WEB])[0]);
  assert.is(state.desired.size, 1);
  assert.is(read([CHECKED], probed(state, false))[0].desired.size, 0);
});

const OF_CONTAINER = { labels: { SERVICE_ID: 'main' } };
const MAIN: StaticService = { name: 'web', instance: 'main', host: '192.0.2.9', port: 80 };
const see = (state: AnnouncerState, ...seen: Observation[]) =>
  seen.reduce((folded, each) => observe(folded, each, rules())[0], state);
const inspected = (changes: Partial<ContainerFacts> = {}): Observation => ({
  type: 'inspected',
  facts: facts({ ...OF_CONTAINER, ...changes }),
  cause: 'list',
  atMs: T0 + 1,
});
const listens: Observation = {
  type: 'probed',
  facts: facts(OF_CONTAINER),
  results: [{ port: '80/tcp', passing: true, detail: 'listening 80/tcp' }],
  atMs: T0 + 2,
};
const ownersOf = (state: AnnouncerState) => [...state.instances.values()].map(({ container }) => container);

test('a key that a container has is not taken by an entry, which is asked again when the container ends', () => {
  const announced = see(initialState, inspected(), listens);
  const [state, events] = read([MAIN], announced, T0 + 3);
  assert.equal(
    events.map((event) => (event.type === 'InstanceHeld' ? `${event.reason}: ${event.detail}` : event.type)),
    [
      'key-taken: container 3f2a9c01d4e7 is announced under this key; give the entry another instance, or the container another SERVICE_ID',
    ],
  );
  assert.equal(ownersOf(state), [ID]);
  assert.equal(read([MAIN], state, T0 + 4)[1], [], 'quiet on repeats');
  assert.equal(dueForRecheck(state, T0 + 1e9, rules()), []);
  const ended = see(state, inspected({ state: 'exited', pid: 0 }));
  assert.equal(dueForRecheck(ended, T0 + 5, rules()), ['static:web']);
  assert.is(recheckAtMs(ended, rules()), 0);
  assert.equal(ownersOf(read([MAIN], ended, T0 + 5)[0]), ['static:web']);
  assert.equal(
    dueForRecheck(read([], ended, T0 + 5)[0], T0 + 6, rules()),
    [],
    'nor does it wait once it is not wanted',
  );
});

test('a key that an entry has is not taken by a container, which is asked again when the entry goes', () => {
  const state = see(read([MAIN])[0], inspected(), listens);
  assert.equal(ownersOf(state), ['static:web']);
  const [hold] = Object.values(state.containers.get(ID)?.held ?? {});
  assert.is(hold?.reason, 'key-taken');
  assert.match(hold?.detail ?? '', /^web of the services file is announced under this key; give the entry another/);
  const gone = read([], state, T0 + 3)[0];
  assert.equal(dueForRecheck(gone, T0 + 3, rules()), [ID]);
  assert.equal(ownersOf(see(gone, inspected())), [ID]);
});

test('of two entries for one key the file’s first has it, also when their order changes', () => {
  const other = { ...MAIN, name: 'Web', host: '192.0.2.10' };
  const [state] = read([other, MAIN]);
  assert.equal(ownersOf(state), ['static:Web']);
  assert.equal(ownersOf(read([MAIN, other], state, T0 + 1)[0]), ['static:web']);
});

for (const moved of [{ host: '192.0.2.99' }, { port: 9090 }]) {
  test(`another ${Object.keys(moved)[0]} under the same key is held until its own check passes, and the old name goes`, () => {
    const entry: StaticService = { ...CHECKED, instance: 'main' };
    const [announced] = read([entry], probed(read([entry])[0], true));
    assert.is(announced.desired.size, 1);
    const [state, events] = read([{ ...entry, ...moved }], announced, T0 + 1);
    assert.equal(
      events.map(({ type }) => type),
      ['InstanceWithdrawn', 'InstanceHeld'],
    );
    assert.equal(keysOf(state), []);
    const probe = `tcp ${moved.host ?? CHECKED.host}:${moved.port ?? CHECKED.port}`;
    const [value = ''] = read([{ ...entry, ...moved }], probed(state, true, probe), T0 + 2)[0].desired.values();
    assert.match(value, moved.host === undefined ? '"port":9090' : '"host":"192.0.2.99"');
  });
}

test('a verdict about what is not in the file concludes nothing', () => {
  assert.is(probed(initialState, true), initialState);
});

test.run();
