import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { followContainers } from '../../announcer/containers.ts';
import type { Engine } from '../../announcer/docker/engine/engine.ts';
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { EventLoop } from '../../announcer/event-loop.ts';
import type { Observation } from '../../announcer/observation.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { silentLog } from '../../shared/log.ts';
import { facts, ID, rules } from '../support/container-facts.ts';
import { inVirtualTime, seededRandom } from '../support/doubles/virtual-time.ts';

const test = suite('announcer/containers');
const RULES = rules();

/** What the engine is asked to look at, for a loop whose clock runs at `pace`. */
function following(pace: number) {
  const startMs = Date.now();
  const nowMs = (): number => startMs + performance.now() * pace;
  const observations$ = new Subject<Observation>();
  const looks: number[] = [];
  const engine = { observations$, look: () => looks.push(nowMs() - startMs) } as unknown as Engine;
  let sequence = 0;
  const journal = { append: () => ++sequence } as unknown as Journal<AnnouncerEvent>;
  const loop = new EventLoop(RULES, journal, silentLog);
  const subscription = followContainers({ engine, loop, rules: RULES, log: silentLog, nowMs }).subscribe();
  const container = facts({ labels: { 'rollcall.check': 'none' } });
  observations$.next({ type: 'inspected', facts: container, cause: 'list', atMs: nowMs() });
  observations$.next({
    type: 'hinted',
    container: ID,
    action: 'kill',
    signal: 15,
    atMs: nowMs(),
    engineTimeNano: '1',
  });
  return { looks, stop: () => subscription.unsubscribe() };
}

test('a container that outlived its stop signal is looked at when its bound has passed, and again while it is as it was', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, stop } = following(1);
    await time.advance(29_999);
    assert.equal(looks, []);
    await time.advance(251);
    assert.is(looks.length, 1);
    await time.advance(60_000);
    assert.is(looks.length, 3, 'every half minute');
    stop();
  });
});

test('timers that fire early put off no look by more than the shortest wait', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, stop } = following(0.999);
    await time.advance(30_400);
    assert.is(looks.length, 1, 'due after 30,030 ms of timers');
    stop();
  });
});

test.run();
