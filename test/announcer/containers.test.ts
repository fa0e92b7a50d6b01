import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { followContainers } from '../../announcer/containers.ts';
import type { Engine } from '../../announcer/docker/engine/engine.ts';
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { EventLoop } from '../../announcer/event-loop.ts';
import type { ContainerFacts } from '../../announcer/facts.ts';
import type { Observation } from '../../announcer/observation.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { silentLog } from '../../shared/log.ts';
import { facts, ID, OTHER_ID, rules } from '../support/container-facts.ts';
import { inVirtualTime, seededRandom } from '../support/doubles/virtual-time.ts';

const test = suite('announcer/containers');
const RULES = rules();

const CONTAINER = facts({ labels: { 'rollcall.check': 'none', SERVICE_ID: 'main' } });
const runs = (id: string): Observation => ({
  type: 'inspected',
  facts: { ...CONTAINER, id },
  cause: 'list',
  atMs: 0,
});
const toldToStop = (container: string): Observation => ({
  type: 'hinted',
  container,
  action: 'kill',
  signal: 15,
  atMs: 0,
  engineTimeNano: '1',
});
const ENDED: Observation = {
  type: 'inspected',
  facts: { ...CONTAINER, state: 'exited', pid: 0 },
  cause: 'list',
  atMs: 0,
};
const TWIN = { name: 'web', instance: 'main', host: '192.0.2.9' };
const SERVICES: Observation = { type: 'services-read', services: [TWIN], atMs: 0 };

/** What the engine is asked to look at, for a loop whose clock runs at `pace`. */
function following(pace: number, seen: readonly Observation[] = [runs(ID), toldToStop(ID)]) {
  const startMs = Date.now();
  const nowMs = (): number => startMs + performance.now() * pace;
  const observations$ = new Subject<Observation>();
  const looks: string[] = [];
  const servicesLooks: number[] = [];
  const observe = (...each: Observation[]): void => {
    for (const one of each) observations$.next({ ...one, atMs: nowMs() });
  };
  const engine = { observations$, look: (container: string) => looks.push(container) } as unknown as Engine;
  let sequence = 0;
  const journal = { append: () => ++sequence } as unknown as Journal<AnnouncerEvent>;
  const loop = new EventLoop(RULES, journal, silentLog);
  const lookAtServices = (): void => void servicesLooks.push(nowMs() - startMs);
  const settings = { engine, loop, rules: RULES, log: silentLog, nowMs, lookAtServices };
  const subscription = followContainers(settings).subscribe();
  observe(...seen);
  return { looks, servicesLooks, loop, observe, stop: () => subscription.unsubscribe() };
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

/** An event that has nothing to do with any container. */
const UNRELATED = { type: 'DriftFound', cause: 'key-edited', detail: 'edited' } as const;

test('changes elsewhere put no look off, however often they come', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, loop, stop } = following(1);
    for (let passedMs = 0; passedMs < 90_600; passedMs += 200) {
      await time.advance(200);
      loop.record({ ...UNRELATED, atMs: Date.now() });
    }
    assert.is(looks.length, 3, 'when it is due, and every half minute');
    stop();
  });
});

test('one that stays due, however often it is looked at, does not hide that another one is', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, observe, stop } = following(1);
    await time.advance(35_000);
    observe(runs(OTHER_ID), toldToStop(OTHER_ID));
    await time.advance(30_600);
    assert.equal(looks, [ID, ID, OTHER_ID]);
    stop();
  });
});

/** Two containers for one key, of which the first has it and then ends: the other one is due. */
const twins = (key: string, first: string, second: string): { both: Observation[]; end: Observation } => {
  const of = (id: string): ContainerFacts =>
    facts({ id: id.repeat(64), labels: { 'rollcall.check': 'none', SERVICE_ID: key } });
  const sight = (container: ContainerFacts): Observation => ({
    type: 'inspected',
    facts: container,
    cause: 'list',
    atMs: 0,
  });
  const end = sight({ ...of(first), state: 'exited', pid: 0 });
  return { both: [sight(of(first)), sight(of(second))], end };
};

test('one that is due just after a look at another one is looked at as soon', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const [one, other] = [twins('one', '1', '2'), twins('other', '3', '4')];
    const { looks, observe, stop } = following(1, [...one.both, ...other.both, one.end]);
    await time.advance(260);
    assert.equal(looks, ['2'.repeat(64)]);
    observe(other.end);
    await time.advance(600);
    assert.equal(looks, ['2'.repeat(64), '4'.repeat(64)]);
    stop();
  });
});

test('an entry of the services file that waited for a key is looked at in the file, not in the engine', async () => {
  await inVirtualTime(seededRandom(1), async (time) => {
    const { looks, servicesLooks, stop } = following(1, [runs(ID), SERVICES, ENDED]);
    await time.advance(300);
    assert.is(servicesLooks.length, 1);
    assert.equal(looks, []);
    stop();
  });
});

test.run();
