import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide, evolve } from '../../../announcer/decisions/decider.ts';
import { SnapshotError, snapshotLines } from '../../../announcer/decisions/snapshot.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { AnnouncerReplay } from '../../../announcer/report/replay.ts';
import { facts, OTHER_ID, rules } from '../../support/container-facts.ts';

const test = suite('announcer/replay');

const UNCHECKED = { 'rollcall.check': 'none' };
const AT_MS = 1_795_176_000_000;

/** What a journal holds of two containers that start, of which the first then dies. */
function eventsOfTwo(): AnnouncerEvent[] {
  let state: AnnouncerState = initialState;
  const events: AnnouncerEvent[] = [];
  for (const [at, sight] of [
    facts({ labels: UNCHECKED }),
    facts({ id: OTHER_ID, labels: UNCHECKED }),
    facts({ labels: UNCHECKED, state: 'exited', pid: 0, exitCode: 1 }),
  ].entries()) {
    const seen = { type: 'inspected', atMs: AT_MS + at, facts: sight, cause: 'docker start' } as const;
    const concluded = decide(state, seen, rules());
    state = concluded.reduce(evolve, state);
    events.push(...concluded);
  }
  return events;
}

/** What is replayed from the first `count` events as a snapshot, and the others as events. */
function replayed(events: readonly AnnouncerEvent[], count: number): ReadonlyMap<string, string> {
  const replay = new AnnouncerReplay();
  if (count > 0) {
    const lines = [...snapshotLines(events.slice(0, count).reduce(evolve, initialState))];
    for (const line of lines) replay.snapshotLine(JSON.parse(JSON.stringify(line)));
  }
  for (const event of events.slice(count)) replay.apply(event);
  return replay.result();
}

test('an empty journal stands for nothing', () => {
  assert.is(new AnnouncerReplay().result().size, 0);
});

test('the result is what is to stand: each key with its value, and nothing that was withdrawn', () => {
  const result = replayed(eventsOfTwo(), 0);
  assert.equal([...result.keys()], [`key /skydns/com/example/prod/s/web/node-1/${OTHER_ID.slice(0, 12)}`]);
  assert.match([...result.values()][0] ?? '', /"port":8080/);
});

test('wherever a snapshot was taken, the result is the same', () => {
  const events = eventsOfTwo();
  assert.ok(events.length > 4);
  const whole = [...replayed(events, 0)];
  for (let count = 1; count <= events.length; count += 1) assert.equal([...replayed(events, count)], whole);
});

test('refuses a snapshot of another version', () => {
  const replay = new AnnouncerReplay();
  assert.throws(
    () => replay.snapshotLine({ version: 999, hostDrainingSinceMs: null }),
    (error: unknown) => error instanceof SnapshotError,
  );
});

test.run();
