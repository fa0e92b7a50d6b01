import { NEVER, ReplaySubject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, EngineStatus } from '../../announcer/docker/engine/engine.ts';
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { EventLoop } from '../../announcer/event-loop.ts';
import { World } from '../../announcer/world.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { silentLog } from '../../shared/log.ts';
import { rules } from '../support/container-facts.ts';
import { inVirtualTime, seededRandom, type VirtualTime } from '../support/doubles/virtual-time.ts';

const test = suite('announcer/world');

const DOWN: EngineStatus = { up: false, reason: 'no such socket' };
const READING: EngineStatus = { up: true, synced: false };
const READ: EngineStatus = { up: true, synced: true };

interface Stage {
  readonly time: VirtualTime;
  say(status: EngineStatus): void;
  isSettled(): boolean;
}

/** A world without a services file, on an engine of which only the status is told. */
function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  return inVirtualTime(seededRandom(1), async (time) => {
    const status$ = new ReplaySubject<EngineStatus>(1);
    const engine = { description: 'unix:///docker.sock', observations$: NEVER, status$ } as unknown as Engine;
    let sequence = 0;
    const journal = { append: () => ++sequence } as unknown as Journal<AnnouncerEvent>;
    const loop = new EventLoop(rules(), journal, silentLog);
    const world = new World({ engine, loop, rules: rules(), services: undefined, log: silentLog });
    let isSettled = false;
    const running = world.settled$.subscribe(() => {
      isSettled = true;
    });
    running.add(world.follow().subscribe());
    await work({ time, say: (status) => status$.next(status), isSettled: () => isSettled });
    running.unsubscribe();
  });
}

test('has settled 5 s after the engine was read, for first checks', () =>
  onStage(async ({ time, say, isSettled }) => {
    say(READING);
    await time.advance(1000);
    say(READ);
    await time.advance(4900);
    assert.not(isSettled());
    await time.advance(200);
    assert.ok(isSettled());
  }));

test('has settled after 30 s when no engine answers', () =>
  onStage(async ({ time, say, isSettled }) => {
    await time.advance(1000);
    say(DOWN);
    await time.advance(28_900);
    assert.not(isSettled());
    await time.advance(200);
    assert.ok(isSettled());
  }));

test('waits for an engine that answers until it was read, however long that takes', () =>
  onStage(async ({ time, say, isSettled }) => {
    await time.advance(20_000);
    say(READING);
    await time.advance(600_000);
    assert.not(isSettled());
    say(READ);
    await time.advance(5100);
    assert.ok(isSettled());
  }));

test('an engine that goes away while it is read is waited for as one that never answered', () =>
  onStage(async ({ time, say, isSettled }) => {
    say(READING);
    await time.advance(60_000);
    say(DOWN);
    await time.advance(29_900);
    assert.not(isSettled());
    await time.advance(200);
    assert.ok(isSettled());
  }));

test.run();
