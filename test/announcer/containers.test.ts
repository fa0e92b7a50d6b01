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

const CONTAINER = facts({ labels: { 'rollcall.check': 'none', SERVICE_ID: 'main' } });
const RUNS: Observation = { type: 'inspected', facts: CONTAINER, cause: 'list', atMs: 0 };
const ENDED: Observation = { ...RUNS, facts: { ...CONTAINER, state: 'exited', pid: 0 } };
const TOLD_TO_STOP: Observation = {
  type: 'hinted',
  container: ID,
  action: 'kill',
  signal: 15,
  atMs: 0,
  engineTimeNano: '1',
};
const TWIN = { name: 'web', instance: 'main', host: '192.0.2.9' };
const SERVICES: Observation = { type: 'services-read', services: [TWIN], atMs: 0 };

/** What the engine is asked to look at, for a loop whose clock runs at `pace`. */
function following(pace: number, seen: readonly Observation[] = [RUNS, TOLD_TO_STOP]) {
  const startMs = Date.now();
  const nowMs = (): number => startMs + performance.now() * pace;
  const observations$ = new Subject<Observation>();
  const looks: number[] = [];
  const servicesLooks: number[] = [];
  const engine = { observations$, look: () => looks.push(nowMs() - startMs) } as unknown as Engine;
  let sequence = 0;
  const journal = { append: () => ++sequence } as unknown as Journal<AnnouncerEvent>;
  const loop = new EventLoop(RULES, journal, silentLog);
  const lookAtServices = (): void => void servicesLooks.push(nowMs() - startMs);
  const settings = { engine, loop, rules: RULES, log: silentLog, nowMs, lookAtServices };
  const subscription = followContainers(settings).subscribe();
  for (const each of seen) observations$.next({ ...each, atMs: nowMs() });
  return { looks, servicesLooks, loop, stop: () => subscription.unsubscribe() };
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

test('an entry of the services file that waited for a key is looked at in the file, not in the engine', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, servicesLooks, stop } = following(1, [RUNS, SERVICES, ENDED]);
    await time.advance(300);
    assert.is(servicesLooks.length, 1);
    assert.equal(looks, []);
    stop();
  });
});

test.run();
