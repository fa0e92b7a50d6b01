/**
 * A day in the life, on real parts: containers come and go, one crash-loops, one is drained, the engine restarts, etcd is
 * away for a minute, both programs are replaced. Dig is asked all the while. In the evening all that is told of the past
 * must be what dig had said.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testAnswersTold } from '../support/day/answers-told.ts';
import { testChangesTold } from '../support/day/changes-told.ts';
import { Day, get, PATIENCE } from '../support/day/day.ts';
import { Diary, messageOf, messageOfPast } from '../support/day/diary.ts';
import { etcdPast } from '../support/day/etcd-past.ts';
import { assertAgrees, type Context, type HistoryJson, isRecord, pastOf } from '../support/day/evening.ts';
import { testLivesTold } from '../support/day/lives-told.ts';
import { ANNOUNCER_ARGS, SERVICES, STEPS } from '../support/day/steps.ts';
import { haveDocker } from '../support/servers/docker.ts';
import { skipWithoutEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from '../support/servers/rollcall.ts';
import { DOMAIN } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const SUITE = 'end-to-end: a day in the life';
const test = suite<Context>(SUITE);

test.before(async (context) => {
  context.day = await Day.begin(ANNOUNCER_ARGS);
});
test.after(({ day }) => day?.end());
test.before.each(({ events }) => {
  if (events === undefined && hasBegun) throw new Error('the day did not come to its end: see above');
  hasBegun = true;
});

let hasBegun = false;

test('the day: at each step dig says what it must', async (context) => {
  const { day } = context;
  const began = performance.now();
  await day.turnPage('morning', SERVICES);
  for (const { what, play } of STEPS) {
    const stepped = performance.now();
    await play(day).catch((cause: Error) => {
      throw new Error(`${what}: ${cause.message}`, { cause });
    });
    await day.turnPage(what, SERVICES);
    console.log(`${secondsSince(stepped)} s  ${what}`);
  }
  console.log(`${secondsSince(began)} s  the whole day; dig was asked ${day.diary.entries.length} times`);
  context.events = (await get<HistoryJson>(day.resolver.http, '/v1/history')).history;
  context.etcdChanges = await etcdPast(day.etcd);
});

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1).padStart(6);
}

testAnswersTold(test);
testChangesTold(test);
testLivesTold(test);

// It takes the resolver away, so it stands behind the others.
test('a resolver that is killed leaves one note of a gap, and what was before it is told as before', async ({
  day,
}) => {
  await day.resolver.end('SIGKILL');
  const unanswered = await day.ask('web', 'A');
  assert.is(unanswered.status, 'none');
  await day.startResolver();
  const { gaps } = await get<{ gaps: { reason: string }[] }>(day.resolver.http, '/v1/history');
  assert.equal(
    gaps.map(({ reason }) => reason),
    ['crash'],
  );
  const { stdout } = await day.resolverCommand('history', 'web');
  assert.is(stdout.split('\n').filter((line) => line.includes('missing here (crash)')).length, 1);
  for (const entry of day.pages.at(3)?.entries ?? []) {
    const past = await pastOf(day.resolver.http, entry, Math.floor((entry.beforeMs + entry.afterMs) / 2));
    assert.equal([messageOfPast(past), past.gaps], [messageOf(entry), []]);
  }
  for (const { gaps: told } of [
    await pastOf(day.resolver.http, unanswered, unanswered.beforeMs),
    await pastOf(day.resolver.http, unanswered, Date.now()),
  ])
    assert.is(told.length, 1, 'what is told of the time of the gap, or behind it, says so');
});

test('up, on its own store, tells of its day what dig had said, its own restart included', async ({ day }) => {
  const [http, port, dataDir] = [await freePort(), await freePort(), temporaryDirectory()];
  const start = async (): Promise<RollcallProcess> => {
    const up = startRollcall([
      ...['up', '--data-dir', dataDir, '--docker', day.docker.host, '--host-name', 'node-1', '--domain', DOMAIN],
      ...['--private-ip', '127.0.0.1', '--http', `127.0.0.1:${http}`, '--listen', `127.0.0.1:${port}`],
      ...['--forward', 'none', '--record-ttl', '1'],
    ]);
    await ready(http);
    return up;
  };
  let up = await start();
  const diary = new Diary(() => ({ host: '127.0.0.1', port }));
  const answers = (count: number): Promise<unknown> => {
    const isSo = async (): Promise<boolean> => (await diary.ask(`shop.${DOMAIN}`, 'SRV')).answer.length === count;
    return until(`${count} instances of shop`, isSo, PATIENCE);
  };
  await day.run('shop-1', 'shop');
  await answers(1);
  await day.docker.cli('pause', 'shop-1');
  await answers(0);
  await day.docker.cli('unpause', 'shop-1');
  await answers(1);
  assert.is(await up.end('SIGUSR2'), 0);
  await answers(0);
  up = await start();
  await answers(1);
  await day.docker.cli('rm', '-f', 'shop-1');
  await answers(0);
  const { history } = await get<HistoryJson>(http, '/v1/history');
  await assertAgrees(http, diary.entries, history);
  assert.equal(
    history.filter(isRecord).map(({ type }) => type),
    ['RecordPut', 'RecordDeleted', 'RecordPut', 'RecordDeleted'],
  );
  await up.end('SIGTERM');
});

if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
