import { Subject, type Subscription } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LastWords } from '../../../../announcer/docker/following/last-words.ts';
import { SessionMemory } from '../../../../announcer/docker/following/memory.ts';
import { type EngineRequest, engineSession } from '../../../../announcer/docker/following/session.ts';
import type { Observation } from '../../../../announcer/observation.ts';
import { silentLog } from '../../../../shared/log.ts';
import { SimulatedEngine } from '../../../support/doubles/simulated-engine.ts';
import { inVirtualTime, seededRandom, type VirtualTime } from '../../../support/doubles/virtual-time.ts';

const test = suite('announcer/docker-session');
const COMPARE_MS = 60_000;

interface Session {
  readonly engine: SimulatedEngine;
  readonly memory: SessionMemory;
  readonly time: VirtualTime;
  readonly seen: readonly Observation[];
  /** Each time that it was said to be up: whether every container had been read. */
  readonly synced: readonly boolean[];
  /** What the session ended with. */
  readonly lost: readonly unknown[];
  start(): void;
  stop(): void;
}

/** Works on a session with a simulated engine, in virtual time; nothing is asked before `start`. */
function withSession(work: (session: Session) => Promise<void>): Promise<void> {
  const random = seededRandom(1);
  return inVirtualTime(random, async (time) => {
    const engine = new SimulatedEngine(random);
    const memory = new SessionMemory();
    const seen: Observation[] = [];
    const synced: boolean[] = [];
    const lost: unknown[] = [];
    let running: Subscription | undefined;
    const settings = {
      log: silentLog,
      nowMs: Date.now,
      resyncMs: COMPARE_MS,
      pingMs: 10_000,
      pingTimeoutMs: 5_000,
      renewMs: 300_000,
      overlapMs: 2_000,
    };
    const start = (): void => {
      const requests$ = new Subject<EngineRequest>();
      running = engineSession(engine.client, memory, new LastWords(), requests$, settings).subscribe({
        next: (item) => {
          if (item.type === 'observation') seen.push(item.observation);
          else synced.push(item.synced);
        },
        error: (error: unknown) => lost.push(error),
      });
    };
    const stop = (): void => running?.unsubscribe();
    await work({ engine, memory, time, seen, synced, lost, start, stop });
    stop();
  });
}

const hints = (seen: readonly Observation[]): unknown[] =>
  seen.flatMap((each) => (each.type === 'hinted' ? [`${each.action} ${each.container}`] : []));

test('remembers nothing of a container whose end was never told, once a list lacks it', () =>
  withSession(async ({ engine, memory, time, start }) => {
    const [gone, stays] = [engine.run(), engine.run()];
    start();
    await time.advance(1000);
    assert.equal([...memory.known.keys()].sort(), [gone.id, stays.id]);
    engine.remove(gone, { dropped: true });
    await time.advance(COMPARE_MS + 1000);
    assert.equal([...memory.known.keys()], [stays.id]);
  }));

test('of thousands of containers, a comparison waits for 25 ms each', () =>
  withSession(async ({ engine, memory, time, start }) => {
    const containers = Array.from({ length: 3000 }, () => engine.run());
    start();
    // The first one knows of none yet.
    await time.advance(COMPARE_MS + 5000);
    const gone = containers[7] as (typeof containers)[number];
    engine.remove(gone, { dropped: true });
    await time.advance(COMPARE_MS + 5000);
    assert.ok(memory.known.has(gone.id));
    await time.advance(3000 * 25 - COMPARE_MS);
    assert.not(memory.known.has(gone.id));
  }));

test('takes the end of an earlier run for no hint about the one that is there', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const container = engine.run();
    start();
    await time.advance(1000);
    engine.exit(container, 1, { late: true });
    await time.advance(10);
    engine.startAgain(container);
    await time.advance(1000);
    engine.sendLate();
    await time.advance(1000);
    assert.equal(hints(seen), []);
    engine.exit(container, 1);
    await time.advance(1000);
    assert.equal(hints(seen), [`die ${container.id}`], 'that of its own run is one');
  }));

test('tells with what a run ended that had begun anew, or was removed, before it could be looked at', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const [restarts, goes] = [engine.run(), engine.run()];
    start();
    await time.advance(1000);
    const before = seen.length;
    engine.slownessMs = 200;
    engine.exit(restarts, 7);
    engine.startAgain(restarts);
    engine.exit(goes, 3);
    engine.remove(goes);
    await time.advance(2000);
    const endsOf = (id: string): (number | undefined)[] =>
      seen.slice(before).flatMap((each) => {
        if (each.type === 'inspected' && each.facts.id === id) return [each.endedWith];
        return each.type === 'vanished' && each.container === id ? [each.endedWith] : [];
      });
    const [told, ...again] = endsOf(restarts.id);
    assert.is(told, 7);
    assert.ok(
      again.every((code) => code === undefined),
      'once',
    );
    assert.is(endsOf(goes.id)[0], 3);
  }));

test('tells a stop signal that came before the first look as soon as it has looked', () =>
  withSession(async ({ engine, time, seen, start }) => {
    engine.slownessMs = 200;
    start();
    await time.advance(2000);
    const container = engine.run();
    await time.advance(50);
    engine.emit(container.id, 'kill', { signal: '15' });
    await time.advance(2000);
    const about = seen.filter((each) => each.type === 'inspected' || each.type === 'hinted');
    assert.equal(about.map(({ type }) => type).slice(0, 2), ['inspected', 'hinted']);
    assert.equal(hints(seen), [`kill ${container.id}`]);
  }));

test('a list that was asked for before a container came or went says nothing about it', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const goes = engine.run();
    start();
    await time.advance(1000);
    // The list is read on its way there, and answered on its way back.
    engine.slownessMs = 500;
    await time.advance(COMPARE_MS - 1000 + 700);
    engine.slownessMs = 0;
    const comes = engine.run();
    engine.remove(goes);
    await time.advance(2000);
    const lists = seen.flatMap((each) => (each.type === 'listed' ? [each.containers] : []));
    assert.equal(lists, [[goes.id], [comes.id]]);
  }));

test('looks again with the next list at what an event’s look found, also when the list says what it said before', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const container = engine.run();
    start();
    await time.advance(1000);
    container.state = 'paused';
    engine.emit(container.id, 'pause');
    await time.advance(1000);
    container.state = 'running';
    for (let others = 0; others < 20; others += 1) engine.run();
    await time.advance(COMPARE_MS + 1000);
    const last = seen.findLast((each) => each.type === 'inspected' && each.facts.id === container.id);
    assert.is(last?.type === 'inspected' && last.facts.state, 'running');
  }));

test('asks for events since a second before, by the clock of the engine', () =>
  withSession(async ({ engine, time, start }) => {
    const { events, hello } = engine.client;
    const asked: number[] = [];
    const behindMs = 3_600_000;
    Object.assign(engine.client, {
      hello: async () => ({ ...(await hello()), clockMs: Date.now() - behindMs }),
      events: (sinceSeconds: number) => {
        asked.push(sinceSeconds * 1000 - (Date.now() - behindMs));
        return events(sinceSeconds);
      },
    });
    start();
    await time.advance(1000);
    assert.is(asked.length, 1);
    assert.ok((asked[0] ?? 0) <= -1000 && (asked[0] ?? 0) > -3000, `${asked[0]} ms`);
  }));

test('a list that is answered after the session has ended says nothing about any container', () =>
  withSession(async ({ engine, memory, time, start, stop }) => {
    const container = engine.run();
    start();
    await time.advance(1000);
    let answer = (_list: unknown[]): void => {};
    const late = new Promise<unknown[]>((resolve) => {
      answer = resolve;
    });
    Object.assign(engine.client, { list: () => late });
    await time.advance(COMPARE_MS);
    stop();
    answer([]);
    await time.advance(1000);
    assert.equal([...memory.known.keys()], [container.id]);
  }));

test('looks again soon at what could not be inspected', () =>
  withSession(async ({ engine, time, seen, start }) => {
    start();
    await time.advance(1000);
    engine.failingInspects = 1;
    const container = engine.run();
    await time.advance(2000);
    assert.ok(seen.some((each) => each.type === 'inspected' && each.facts.id === container.id));
  }));

const inspected = (seen: readonly Observation[]): string[] =>
  seen.flatMap((each) => (each.type === 'inspected' ? [each.facts.id] : []));

/** Puts `app` into the network of `pod`. @param onInspect called with each container that is asked for */
function share(engine: SimulatedEngine, app: string, pod: string, onInspect: (id: string) => void = () => {}): void {
  const { inspect } = engine.client;
  Object.assign(engine.client, {
    inspect: async (id: string) => {
      onInspect(id);
      const raw = (await inspect(id)) as { HostConfig?: object } | undefined;
      const isApp = raw !== undefined && id === app;
      return isApp ? { ...raw, HostConfig: { ...raw.HostConfig, NetworkMode: `container:${pod}` } } : raw;
    },
  });
}

test('looks at what shares the network of a container that is found gone, though no event told it', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const [pod, app] = [engine.run(), engine.run()];
    share(engine, app.id, pod.id);
    start();
    await time.advance(1000);
    engine.remove(pod, { dropped: true });
    const before = seen.length;
    engine.emit(pod.id, 'rename');
    await time.advance(1000);
    assert.equal(inspected(seen.slice(before)), [app.id]);
  }));

test('tells an end before it looks at what shares the network', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const [pod, app] = [engine.run(), engine.run()];
    const toldBefore: unknown[] = [];
    share(engine, app.id, pod.id, (id) => id === app.id && toldBefore.push(hints(seen)));
    start();
    await time.advance(1000);
    toldBefore.length = 0;
    engine.exit(pod, 1);
    await time.advance(1000);
    assert.equal(toldBefore[0], [`die ${pod.id}`]);
  }));

test('a container whose inspect never answers stands alone: the others are read, and the engine counts as read', () =>
  withSession(async ({ engine, time, seen, synced, lost, start }) => {
    const [stuck, ...others] = Array.from({ length: 5 }, () => engine.run());
    engine.hanging.add(stuck?.id ?? '');
    start();
    await time.advance(300_000);
    assert.equal([...new Set(inspected(seen))].sort(), others.map(({ id }) => id).sort());
    assert.equal([synced, lost], [[false, true], []]);
  }));

test('looks again at a container whose inspect did not answer, until it does', () =>
  withSession(async ({ engine, time, seen, start }) => {
    const stuck = engine.run();
    engine.hanging.add(stuck.id);
    start();
    await time.advance(300_000);
    assert.equal(inspected(seen), []);
    engine.hanging.clear();
    await time.advance(2 * COMPARE_MS);
    assert.ok(inspected(seen).includes(stuck.id));
  }));

test('an engine that goes away amid its first inspects is lost, and was never read', () =>
  withSession(async ({ engine, time, synced, lost, start }) => {
    for (let count = 0; count < 3; count += 1) engine.hanging.add(engine.run().id);
    start();
    await time.advance(5000);
    engine.die();
    await time.advance(1000);
    assert.equal([synced, lost.length], [[false], 1]);
  }));

test('an engine that stops amid its first inspects is lost by its ping', () =>
  withSession(async ({ engine, time, synced, lost, start }) => {
    for (let count = 0; count < 40; count += 1) engine.run();
    engine.slownessMs = 100;
    start();
    await time.advance(800);
    assert.equal(synced, [false]);
    engine.stall(true);
    await time.advance(15_000);
    assert.equal([synced, lost.length], [[false], 1]);
  }));

test.run();
