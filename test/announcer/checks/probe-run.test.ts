import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECK_TIMING_DEFAULTS } from '../../../announcer/checks/check-setting.ts';
import { type Look, ProbeRun } from '../../../announcer/checks/probe-run.ts';
import { facts } from '../../support/container-facts.ts';
import { inVirtualTime, seededRandom } from '../../support/doubles/virtual-time.ts';

const test = suite('announcer/probe-run');

const CHECK = { kind: 'tcp', port: '80/tcp', ...CHECK_TIMING_DEFAULTS } as const;
const tried = (passing: boolean, detail = passing ? 'connected' : 'refused'): Look => ({
  type: 'tried',
  attempts: new Map([[CHECK.port, { passing, detail }]]),
});

interface Told {
  readonly results: boolean[];
  readonly details: string[];
  readonly unknown: unknown[];
  looks: number;
  /** How often the engine was asked for the run, and the run was said to be gone. */
  asked: number;
  gone: number;
}

/** Runs a check for `ms`, and tells what came of it. @param isRunning what the engine says of the run */
function run(
  ms: number,
  look: (told: Told) => Promise<Look>,
  isRunning: (told: Told) => boolean = () => false,
): Promise<Told> {
  return inVirtualTime(seededRandom(1), async (time) => {
    const told: Told = { results: [], details: [], unknown: [], looks: 0, asked: 0, gone: 0 };
    const probe = {
      kind: CHECK.kind,
      wanted: [CHECK],
      look: () => {
        told.looks += 1;
        return look(told);
      },
    };
    const running = new ProbeRun(facts(), [probe], {
      onResults: (_facts, results) => {
        told.results.push(...results.map(({ passing }) => passing));
        told.details.push(...results.map(({ detail }) => detail));
      },
      onGone: () => {
        told.gone += 1;
      },
      isRunning: async () => {
        told.asked += 1;
        return isRunning(told);
      },
      onUnreadable: () => undefined,
      onUnknown: (kind, why) => told.unknown.push(`${kind} ${(why as Error).message}`),
    });
    await time.advance(ms);
    running.stop();
    return told;
  });
}

test('a look that throws is neither a pass nor a failure, and is made again at the usual pace', async () => {
  const { results, unknown, looks } = await run(4000, async () => {
    throw new Error('too many open files');
  });
  assert.equal(results, []);
  assert.ok(looks > 20, `${looks} looks`);
  assert.is(unknown.length, looks);
  assert.is(unknown[0], 'tcp too many open files');
});

test('the verdict stands while looks throw, and changes with the first that does not', async () => {
  const { results } = await run(120_000, async ({ looks }) => {
    if (looks > 1 && looks < 10) throw new TypeError('x is undefined');
    return tried(looks < 10);
  });
  assert.equal(results, [true, false]);
});

test('what did not listen at first and answers 503 since: the reason is told anew, once', async () => {
  const { results, details } = await run(60_000, async ({ looks }) =>
    tried(false, looks < 10 ? 'nothing listens' : '503'),
  );
  assert.equal(results, [false, false]);
  assert.equal(details, ['nothing listens', '503']);
});

test('what is unknown for a reason of somebody else’s is not said', async () => {
  const { unknown } = await run(4000, async () => ({ type: 'unknown' }));
  assert.equal(unknown, []);
});

const ofAnyRun = (passing: boolean): Look => ({ ...tried(passing), isOfAnyRun: true }) as Look;

test('an answer that another run may have given passes only when the engine says that this one runs', async () => {
  const { results, asked, gone } = await run(60_000, async () => ofAnyRun(true));
  assert.equal(results, []);
  assert.ok(asked > 10 && gone === asked, `asked ${asked} times, gone ${gone}`);
  const later = await run(
    60_000,
    async () => ofAnyRun(true),
    (told) => told.asked > 3,
  );
  assert.equal(later.results, [true]);
  assert.is(later.asked, 4, 'and is not asked again while it passes');
});

test('an answer that another run may have given fails without asking the engine', async () => {
  const { results, asked } = await run(4000, async () => ofAnyRun(false));
  assert.equal(results, [false]);
  assert.is(asked, 0);
});

test.run();
