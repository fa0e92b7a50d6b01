/** What is told of the answers of the day: `at` and `diff`, over HTTP and on the command line. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { DOMAIN } from '../servers/stage.ts';
import { get, type Page } from './day.ts';
import { type Entry, withoutTtls } from './diary.ts';
import { assertAgrees, type Context, iso, isRecord, NAMES } from './evening.ts';
import { SERVICES, UNCHANGED } from './steps.ts';

export function testAnswersTold(test: Test<Context>): void {
  test('at says of every question of the day what dig said', async ({ day, events }) => {
    const { entries } = day.diary;
    const blurred = await assertAgrees(day.resolver.http, entries, events);
    console.log(`${entries.length} answers of dig, ${blurred} of them while something changed: at agrees`);
    assert.ok(blurred < entries.length / 4);
  });

  test('rollcall at prints it as dig does, with the event that made it so', async ({ day, events }) => {
    for (const { what, entries } of pagesToPrint(day.pages)) {
      const entry = entries.find(({ name, type }) => type === 'SRV' && name === `web.${DOMAIN}`) as Entry;
      const atMs = Math.floor((entry.beforeMs + entry.afterMs) / 2);
      const { exit, stdout } = await day.resolverCommand('at', iso(atMs), 'web', 'SRV');
      assert.is(exit, 0);
      const section = /;; ANSWER SECTION:\n((?:.+\n)*)/.exec(`${stdout}\n`)?.[1] ?? '';
      const records = section.split('\n').filter((line) => line !== '');
      assert.equal(withoutTtls(records.map((line) => line.replace(/\t/g, ' '))), entry.answer, what);
      assert.match(stdout, new RegExp(`status: ${entry.status}\\b`), what);
      const ofWeb = events.filter((event) => isRecord(event) && event.key?.startsWith(`${NAMES}web/`));
      const last = ofWeb.filter((event) => event.atMs <= atMs).at(-1);
      const madeBy = last === undefined ? 'no event that the journal has' : `event ${last.sequence}: `;
      assert.ok(stdout.includes(`made so by ${madeBy}`), `${what}: ${stdout} instead of made so by ${madeBy}`);
    }
  });

  test('an answer of the time without etcd is told as stale, one of the time without a resolver as none', async ({
    day,
  }) => {
    const stale = day.diary.entries.filter(({ extendedError }) => extendedError !== undefined);
    const none = day.diary.entries.filter(({ status }) => status === 'none');
    assert.ok(stale.length > 50 && none.length >= 2, `${stale.length} stale, ${none.length} unanswered`);
    const codes = new Set(stale.map(({ extendedError, status }) => `${extendedError} ${status}`));
    assert.equal([...codes].sort(), ['19 NXDOMAIN', '3 NOERROR']);
    const middle = stale[Math.floor(stale.length / 2)] as Entry;
    const told = await day.resolverCommand('at', iso(middle.beforeMs), middle.name);
    assert.match(told.stdout, /EDE: (3|19) \(Stale/);
    assert.match(told.stdout, /the store was away, last seen \d+ s before: answered as stale/);
    const away = await day.resolverCommand('at', iso((none[0] as Entry).beforeMs), 'web');
    assert.match(away.stdout, /no answer: the resolver was not running/);
  });

  test('diff between two steps is the difference of what dig said', async ({ day }) => {
    for (const [at, after] of day.pages.slice(1).entries()) {
      const before = day.pages[at] as Page;
      for (const service of SERVICES) {
        const name = `${service}.${DOMAIN}`;
        const path = `/v1/diff?from=${before.atMs}&to=${after.atMs}&name=${name}`;
        const { answers } = await get<{ answers: AnswerChange[] }>(day.resolver.http, path);
        const told = answers
          .filter(({ type }) => type === 'A' || type === 'SRV')
          .map((change) => [change.type, withoutTtls(change.before.records), withoutTtls(change.after.records)]);
        assert.equal(told, saidDifferences(before.entries, after.entries, name), `${after.what}: ${name}`);
      }
    }
  });

  test('rollcall diff prints it, with the events that made it so', async ({ day }) => {
    for (const after of pagesToPrint(day.pages).slice(1)) {
      const before = day.pages[day.pages.indexOf(after) - 1] as Page;
      const [was, is] = [srvOfWeb(before.entries), srvOfWeb(after.entries)];
      const { exit, stdout } = await day.resolverCommand('diff', iso(before.atMs), iso(after.atMs), 'web');
      assert.is(exit, 0);
      const lines = stdout.split('\n').filter((line) => /^[-+] {3}web.* SRV /.test(line));
      const expected =
        was.join() === is.join() ? [] : [...was.map((text) => `- ${text}`), ...is.map((text) => `+ ${text}`)];
      const told = lines.map((line) => `${line.slice(0, 1)} ${withoutTtls([line.slice(4)])[0]}`);
      assert.equal(told.sort(), expected.sort(), after.what);
      assert.is(/no record differs/.test(stdout), !/event \d+: /.test(stdout), after.what);
    }
  });
}

interface AnswerChange {
  readonly type: string;
  readonly before: { readonly records: readonly string[] };
  readonly after: { readonly records: readonly string[] };
}

function saidDifferences(before: readonly Entry[], after: readonly Entry[], name: string): unknown[] {
  return before
    .filter((entry) => entry.name === name)
    .map((entry) => [entry, after.find((each) => each.name === name && each.type === entry.type) as Entry] as const)
    .filter(([one, other]) => one.answer.join() !== other.answer.join())
    .map(([one, other]) => [one.type, one.answer, other.answer]);
}

/** To start a process takes time, so it is done where the name changes, and once where it does not. */
function pagesToPrint(pages: readonly Page[]): Page[] {
  return pages.filter(({ what, entries }, at) => {
    const before = pages[at - 1];
    return before === undefined || what === UNCHANGED || srvOfWeb(entries).join() !== srvOfWeb(before.entries).join();
  });
}

function srvOfWeb(entries: readonly Entry[]): readonly string[] {
  return entries.find(({ name, type }) => type === 'SRV' && name === `web.${DOMAIN}`)?.answer ?? [];
}
