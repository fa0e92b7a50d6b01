import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  causeOf,
  type EngineEvent,
  EVENT_FILTERS,
  isOfRun,
  LineFramer,
  nanosOf,
  parseEventLine,
  SeenEvents,
  trustedExitCode,
  trustedSignal,
} from '../../../announcer/docker/events.ts';
import fc from '../../support/properties.ts';

const test = suite('announcer/docker-events');

const ID = '4eb334d44925ceb5b4d5cab4ae9300f407a016b31495cd88c95b91bd2a0556aa';

/** As API 1.41 sends it. */
function line(action: string, attributes: Record<string, string> = {}, type = 'container', id = ID): string {
  const actor = { ID: id, Attributes: { image: 'bb', name: 'web', ...attributes } };
  return JSON.stringify({
    status: action,
    id,
    from: 'bb',
    Type: type,
    Action: action,
    Actor: actor,
    scope: 'local',
    time: 1795178815,
    timeNano: 0,
  }).replace('"timeNano":0', '"timeNano":1795178815385445799');
}

/** What Podman 4.3 said while containers were run, paused, stopped, killed and removed. */
const PODMAN = readFileSync('test/fixtures/docker/podman-4-events.jsonl', 'utf8').trim().split('\n');

function event(text: string): EngineEvent | undefined {
  const parsed = parseEventLine(text);
  return parsed.type === 'event' ? parsed.event : undefined;
}

const ROWS: readonly [what: string, line: string, action: string | undefined, cause: string][] = [
  ['a start', line('start'), 'start', 'docker start'],
  ['a kill with its signal', line('kill', { signal: '15' }), 'kill', 'docker kill 15'],
  ['a kill of Podman, which names no signal', line('kill'), 'kill', 'docker kill'],
  ['a death', line('die', { exitCode: '0' }), 'die', 'docker die'],
  ["Podman's death", line('died'), 'die', 'docker die'],
  ["Podman's removal", line('remove'), 'destroy', 'docker destroy'],
  ['health', line('health_status: healthy'), 'healthy', 'health_status: healthy'],
  ['bad health', line('health_status: unhealthy'), 'unhealthy', 'health_status: unhealthy'],
  ["Podman's health", line('health_status', { health_status: 'unhealthy' }), 'unhealthy', 'health_status: unhealthy'],
  ["Docker 25's running health check", line('health_status: running'), 'health', 'health_status'],
  ['a network connect', line('connect', { container: ID }, 'network', 'n'), 'connect', 'docker network connect'],
  [
    'a network disconnect',
    line('disconnect', { container: ID }, 'network', 'n'),
    'disconnect',
    'docker network disconnect',
  ],
  ['an exec', line('exec_create: /bin/sh -c true'), undefined, ''],
  ['an exec that ended', line('exec_die'), undefined, ''],
  ['an image', line('tag', {}, 'image'), undefined, ''],
  ['the removal of a network', line('destroy', {}, 'network', 'n'), undefined, ''],
  ['a connect without a container', line('connect', {}, 'network', 'n'), undefined, ''],
  ['an id that is none', line('start', {}, 'container', '../etc'), undefined, ''],
  [
    'API 1.52, without status, id and from',
    `{"Type":"container","Action":"pause","Actor":{"ID":"${ID}","Attributes":{}},"timeNano":1795178815385445799}`,
    'pause',
    'docker pause',
  ],
  [
    'API 1.12, without Type and Actor',
    `{"status":"stop","id":"${ID}","from":"bb","time":1795178815}`,
    'stop',
    'docker stop',
  ],
];

for (const [what, text, action, cause] of ROWS) {
  test(`reads ${what}`, () => {
    const read = event(text);
    assert.is(read?.action, action);
    if (read !== undefined) {
      assert.is(read.container, ID);
      assert.is(causeOf(read), cause);
    }
  });
}

test('keeps the digits of timeNano, which a number would round', () => {
  assert.is(event(line('start'))?.timeNano, '1795178815385445799');
  assert.is.not(String(Number('1795178815385445799')), '1795178815385445799');
});

test('is not misled by labels that look like the time', () => {
  const labels = { timeNano: '5', 'x"timeNano': '6', 'y","timeNano":7,"z': '8', w: '"timeNano":9' };
  assert.is(event(line('start', labels))?.timeNano, '1795178815385445799');
});

test('takes the seconds where there are no nanoseconds', () => {
  assert.is(event(`{"status":"stop","id":"${ID}","from":"bb","time":1795178815}`)?.timeNano, '1795178815000000000');
});

test('distrusts the signal of a container that has a label of that name', () => {
  const kill = event(line('kill', { signal: '15' })) as EngineEvent;
  assert.is(trustedSignal(kill, {}), 15);
  assert.is(trustedSignal(kill, { signal: '15' }), undefined);
  assert.is(event(line('kill', { signal: 'SIGTERM; rm' }))?.signal, undefined);
});

test('reads the exit code of a death, and distrusts it where a label has its name', () => {
  const die = event(line('die', { exitCode: '137' })) as EngineEvent;
  assert.is(trustedExitCode(die, {}), 137);
  assert.is(trustedExitCode(die, { exitCode: '137' }), undefined);
  assert.is(trustedExitCode(event(line('died', { containerExitCode: '3' })) as EngineEvent, {}), 3);
  for (const text of ['', '-1', '1e3', '0 ', '1000'])
    assert.is(event(line('die', { exitCode: text }))?.exitCode, undefined);
  assert.is(event(line('stop', { exitCode: '137' }))?.exitCode, undefined, 'of no other event');
});

test('says so when a line cannot be read', () => {
  for (const bad of ['{', '[]', '7', 'null', 'HTTP/1.1 500']) assert.is(parseEventLine(bad).type, 'unreadable');
});

test('reads any JSON without throwing', () => {
  fc.assert(fc.property(fc.json(), (json) => parseEventLine(json) !== undefined));
});

test('asks the engine for every action that it reads, and for no exec', () => {
  const asked = EVENT_FILTERS.event ?? [];
  for (const [, text, action] of ROWS) {
    if (action === undefined) continue;
    const word = (JSON.parse(text) as { Action?: string; status?: string }).Action ?? 'stop';
    assert.ok(
      asked.some((each) => word.startsWith(each)),
      word,
    );
  }
  assert.not(asked.some((each) => 'exec_create: x'.startsWith(each) || 'exec_die'.startsWith(each)));
});

test('tells an event of this run from one of an earlier run', () => {
  const die = event(line('die')) as EngineEvent;
  assert.is(isOfRun(die, '2026-11-20T12:46:55.385445799Z'), true);
  assert.is(isOfRun(die, '2026-11-20T12:46:55.3854458Z'), false);
  assert.is(isOfRun(die, '0001-01-01T00:00:00Z'), true);
  assert.is(isOfRun(die, ''), false);
});

test('reads times to the nanosecond, in any zone', () => {
  assert.is(nanosOf('1970-01-01T00:00:01Z'), 1_000_000_000n);
  assert.is(nanosOf('1970-01-01T01:00:01.5+01:00'), 1_500_000_000n);
  assert.is(nanosOf('2026-11-20T12:46:55.385445799Z'), 1795178815385445799n);
  assert.is(nanosOf('yesterday'), undefined);
});

test('finds the same lines however the stream is cut into chunks', () => {
  const text = 'one\n\ntwö ☂\r\n{"a":"b"}\n';
  const octets = Buffer.from(text);
  fc.assert(
    fc.property(fc.array(fc.nat(octets.length)), (cuts) => {
      const framer = new LineFramer();
      const at = [0, ...cuts.sort((a, b) => a - b), octets.length];
      const lines = at.slice(1).flatMap((end, n) => framer.push(octets.subarray(at[n], end)).lines);
      assert.equal(lines, ['one', 'twö ☂', '{"a":"b"}']);
    }),
  );
});

test('keeps the beginning of a line until its end comes', () => {
  const framer = new LineFramer();
  assert.equal(framer.push(Buffer.from('hal')).lines, []);
  assert.equal(framer.push(Buffer.from('f\nnext')).lines, ['half']);
});

test('skips a line over the limit, counts it once, and goes on with the next', () => {
  const framer = new LineFramer(10);
  assert.equal(framer.push(Buffer.from('short\n123456')), { lines: ['short'], skipped: 0 });
  assert.equal(framer.push(Buffer.from('7890123')), { lines: [], skipped: 1 });
  assert.equal(framer.push(Buffer.from('more of it')), { lines: [], skipped: 0 });
  assert.equal(framer.push(Buffer.from(' and its end\nnext\n')), { lines: ['next'], skipped: 0 });
  assert.equal(framer.push(Buffer.from('12345678901\nok\n')), { lines: ['ok'], skipped: 1 });
});

test('knows an event again by container, action and time', () => {
  const seen = new SeenEvents();
  const start = event(line('start')) as EngineEvent;
  assert.is(seen.add(start), true);
  assert.is(seen.add({ ...start }), false);
  assert.is(seen.add({ ...start, action: 'die' }), true);
  assert.is(seen.add({ ...start, timeNano: '1' }), true);
});

test('forgets the oldest events first, and remembers more than the engine does', () => {
  const seen = new SeenEvents();
  const at = (n: number): EngineEvent => ({ container: ID, action: 'start', timeNano: String(n) });
  for (let n = 0; n < 5000; n += 1) seen.add(at(n));
  assert.is(seen.add(at(4999)), false);
  assert.is(seen.add(at(4999 - 256)), false);
  assert.is(seen.add(at(0)), true);
});

test('reads every event of a real Podman: a stop is told by the death alone, a kill without its signal', () => {
  const told = PODMAN.map(parseEventLine);
  assert.not.ok(told.some(({ type }) => type === 'unreadable'));
  const web = JSON.parse(PODMAN[0] ?? '{}').Actor.ID as string;
  const events = told.flatMap((each) => (each.type === 'event' ? [each.event] : []));
  assert.equal(
    events.filter(({ container }) => container === web).map(({ action }) => action),
    ['start', 'die', 'start', 'die', 'destroy'],
  );
  assert.equal(
    events.filter(({ action }) => action === 'kill').map(({ signal }) => signal),
    [undefined],
  );
});

test.run();
