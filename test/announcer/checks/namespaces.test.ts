import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Helper } from '../../../announcer/checks/helper-process.ts';
import { HELPERS_MAX, Namespaces } from '../../../announcer/checks/namespaces.ts';
import type { Reply } from '../../../announcer/checks/probe-attempt.ts';
import { inVirtualTime, seededRandom, type VirtualTime } from '../../support/doubles/virtual-time.ts';

const test = suite('announcer/namespaces');

const REQUEST = { kind: 'tcp', hosts: ['127.0.0.1'], port: 80, path: '', timeoutMs: 2000 } as const;
const CONNECTED: Reply = { passing: true, reached: true, detail: 'connected' };

interface Stage {
  readonly time: VirtualTime;
  /** Of each helper that was started, by pid. */
  readonly started: number[];
  readonly ended: number[];
  readonly namespaces: Namespaces;
  /** Asks inside the namespace of the process. @returns what came of it, once there is something */
  ask(pid: number): { reply?: Reply };
}

/** Each process is in a namespace of its own. @param answerMs how long a service takes */
function onStage(answerMs: number, work: (stage: Stage) => Promise<void>, canEnter = true): Promise<void> {
  return inVirtualTime(seededRandom(1), async (time) => {
    const started: number[] = [];
    const ended: number[] = [];
    const namespaces = new Namespaces({
      namespaceOf: (pid) => `net:[${pid}]`,
      enter: (pid) => {
        started.push(pid);
        return helperOf(answerMs, canEnter, () => ended.push(pid));
      },
    });
    const ask = (pid: number): { reply?: Reply } => {
      const asked: { reply?: Reply } = {};
      void namespaces
        .attempt(pid, REQUEST, () => true)
        .then((reply) => {
          asked.reply = reply;
        });
      return asked;
    };
    await work({ time, started, ended, namespaces, ask });
    namespaces.close();
  });
}

function helperOf(answerMs: number, canEnter: boolean, onEnd: () => void): Helper {
  let isEnded = false;
  return {
    get isEnded() {
      return isEnded;
    },
    isIn: async () => canEnter,
    ask: async () => {
      await new Promise((resolve) => setTimeout(resolve, answerMs));
      return isEnded ? { passing: false, reached: false, detail: 'ended at work' } : CONNECTED;
    },
    failure: (what = '') => ({ passing: false, reached: false, detail: `${what}needs root` }),
    end: () => {
      if (!isEnded) onEnd();
      isEnded = true;
    },
  };
}

const pids = (count: number): number[] => Array.from({ length: count }, (_, at) => 100 + at);

test('a helper at work is not ended for another namespace, which waits for its turn', () =>
  onStage(500, async ({ time, started, ended, ask }) => {
    const asked = pids(HELPERS_MAX + 1).map(ask);
    await time.advance(100);
    assert.equal([started.length, ended.length], [HELPERS_MAX, 0]);
    await time.advance(1000);
    assert.equal(
      asked.map(({ reply }) => reply),
      asked.map(() => CONNECTED),
    );
    assert.is(ended.length, 1);
  }));

test('what gets no turn in the time of its attempt is unknown, and told why', () =>
  onStage(60_000, async ({ time, started, ask }) => {
    for (const pid of pids(HELPERS_MAX)) ask(pid);
    const late = ask(999);
    await time.advance(REQUEST.timeoutMs - 100);
    assert.is(late.reply, undefined);
    await time.advance(200);
    assert.is(late.reply?.isUnknown, true);
    assert.match(late.reply?.detail ?? '', `${HELPERS_MAX} network namespaces, the most at once, are being asked`);
    assert.not(started.includes(999));
  }));

test('the helper that was idle longest makes room', () =>
  onStage(10, async ({ time, ended, ask }) => {
    for (const pid of pids(HELPERS_MAX)) {
      ask(pid);
      await time.advance(100);
    }
    ask(100);
    await time.advance(100);
    ask(999);
    await time.advance(100);
    assert.equal(ended, [101]);
  }));

test('several attempts in a namespace share a helper, also while it is started', () =>
  onStage(500, async ({ time, started, ask }) => {
    const asked = [ask(7), ask(7)];
    await time.advance(1000);
    assert.equal([started, asked.map(({ reply }) => reply)], [[7], [CONNECTED, CONNECTED]]);
  }));

test('what cannot be entered says why, takes no place, and is tried anew', () =>
  onStage(
    500,
    async ({ time, started, ended, ask }) => {
      const asked = pids(HELPERS_MAX + 1).map(ask);
      await time.advance(100);
      for (const { reply } of asked) {
        assert.equal([reply?.passing, reply?.isUnknown], [false, undefined]);
        assert.is(reply?.detail, 'its network namespace cannot be entered: needs root');
      }
      ask(100);
      await time.advance(100);
      assert.equal([started.length, ended.length], [HELPERS_MAX + 2, HELPERS_MAX + 2]);
    },
    false,
  ));

test('a process that is another’s after the wait is not entered', () =>
  onStage(500, async ({ time, started, namespaces, ask }) => {
    for (const pid of pids(HELPERS_MAX)) ask(pid);
    let isCurrent = true;
    const late = namespaces.attempt(999, REQUEST, () => isCurrent);
    await time.advance(100);
    isCurrent = false;
    await time.advance(1000);
    assert.is((await late).detail, 'the container has no process any more');
    assert.not(started.includes(999));
  }));

test('nobody is entered after the end, whoever waited', () =>
  onStage(500, async ({ time, started, ended, namespaces, ask }) => {
    const asked = pids(HELPERS_MAX + 1).map(ask);
    await time.advance(100);
    namespaces.close();
    await time.advance(5000);
    assert.equal([started.length, ended.length], [HELPERS_MAX, HELPERS_MAX]);
    assert.is(asked.at(-1)?.reply?.passing, false);
  }));

test.run();
