import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answeredEvent } from '../../../resolver/answered/event.ts';
import {
  type FirstAnswer,
  type UnansweredChange,
  UnansweredChanges,
  unansweredOf,
} from '../../../resolver/answered/unanswered.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { evolve } from '../../../resolver/zone/zone.ts';
import { type EtcdKey, type OwnerName, parseName } from '../../../shared/name.ts';
import { askDecoded, answering as createAnswering } from '../../support/answering.ts';
import { NOW_MS } from '../../support/lookup-table.ts';

const test = suite('resolver/unanswered');

const WEB = '/skydns/org/example/web/node-1/1' as EtcdKey;
const ZONE = `
  2.node-1.web.example.org host=192.0.2.2 port=80
`;

/** An answerer whose first answers are kept, and to which changes are told as the resolver does. */
function watching(zoneText = '') {
  const changes = new UnansweredChanges();
  const first: FirstAnswer[] = [];
  let told = 0;
  const on = createAnswering(zoneText, {
    deps: {
      watch: {
        get count() {
          return changes.count;
        },
        get goneCount() {
          return changes.goneCount;
        },
        answered(question, outcome, atMs) {
          told += 1;
          first.push(...changes.answered(question, outcome, atMs));
        },
      },
    },
  });
  let revision = 100;
  const apply = (event: ZoneEvent): void => {
    const made = evolve(on.zone, event);
    on.answerer.changed(made);
    const change = unansweredOf(event, made);
    if (change !== undefined) changes.add(change);
  };
  return {
    on,
    changes,
    first,
    told: () => told,
    put: (value: object, key = WEB) => {
      revision += 1;
      apply({ type: 'RecordPut', atMs: on.nowMs, revision: String(revision), key, value: JSON.stringify(value) });
    },
    delete: (key = WEB) => {
      revision += 1;
      apply({ type: 'RecordDeleted', atMs: on.nowMs, revision: String(revision), key });
    },
    ask: (name: string, type: 'A' | 'AAAA' | 'SRV' | 'PTR' | 'TXT' | 257 = 'A') => askDecoded(on, { name, type }),
  };
}

test('the first query that can show a change is noted, and the next is not', () => {
  const { on, put, ask, first } = watching();
  ask('web.example.org');
  put({ host: '192.0.2.1', port: 80 });
  on.nowMs += 7;
  ask('other.example.org');
  assert.equal(first, []);
  ask('web.example.org');
  ask('web.example.org', 'SRV');
  assert.equal(first, [
    {
      key: WEB,
      revision: '101',
      name: '1.node-1.web.example.org.',
      appliedAtMs: NOW_MS,
      isLate: false,
      question: 'web.example.org. A',
      outcome: 'answer',
      atMs: NOW_MS + 7,
    },
  ]);
  assert.equal(answeredEvent(first[0] as FirstAnswer), {
    type: 'ChangeAnswered',
    key: WEB,
    revision: '101',
    name: '1.node-1.web.example.org.',
    question: 'web.example.org. A',
    outcome: 'answer',
    atMs: NOW_MS + 7,
    afterMs: 7,
  });
});

test('a record that is gone is shown by the answer without it', () => {
  const { put, delete: remove, ask, first } = watching();
  put({ host: '192.0.2.1' });
  ask('web.example.org');
  ask('web.example.org');
  remove();
  ask('web.example.org');
  assert.equal(
    first.map(({ revision, outcome }) => [revision, outcome]),
    [
      ['101', 'answer'],
      ['102', 'nxdomain'],
    ],
  );
});

test('an answer that cannot show the change does not count: NODATA for what came, the other family, another type', () => {
  const { put, delete: remove, ask, first, changes } = watching();
  put({ host: '192.0.2.2' }, '/skydns/org/example/web/node-1/2' as EtcdKey);
  ask('web.example.org');
  first.length = 0;
  put({ host: '192.0.2.1' });
  ask('web.example.org', 'AAAA');
  ask('web.example.org', 'TXT');
  ask('web.example.org', 257);
  assert.is(changes.count, 1);
  ask('web.example.org');
  assert.is(first.at(-1)?.question, 'web.example.org. A');
  remove();
  ask('web.example.org', 'AAAA');
  assert.is(changes.count, 1);
  ask('web.example.org', 'SRV');
  assert.is(first.at(-1)?.question, 'web.example.org. SRV');
});

test('aliases, wildcards and reverse names count by what they depend on', () => {
  const alias = watching();
  alias.put({ host: 'web.example.org' }, '/skydns/org/example/www/node-1/1' as EtcdKey);
  alias.ask('www.example.org');
  alias.put({ host: '192.0.2.1' });
  alias.ask('www.example.org');
  assert.equal(alias.first.map(({ question, key }) => [question, key]).at(-1), ['www.example.org. A', WEB]);
  const wild = watching();
  wild.put({ host: '192.0.2.1' });
  wild.ask('*.web.example.org');
  assert.is(wild.first.length, 1);
  const reverse = watching();
  reverse.put({ host: '192.0.2.1' });
  reverse.ask('1.2.0.192.in-addr.arpa', 'PTR');
  assert.is(reverse.first.at(-1)?.question, '1.2.0.192.in-addr.arpa. PTR');
});

test('while nothing waits, and for a compiled answer, nobody is told', () => {
  const { put, ask, told } = watching(ZONE);
  ask('web.example.org');
  ask('nothing.example.org');
  assert.is(told(), 0);
  put({ host: '192.0.2.1' });
  ask('web.example.org');
  assert.is(told(), 1);
  put({ host: '192.0.2.9' }, '/skydns/org/example/mail/node-1/1' as EtcdKey);
  ask('nothing.example.org');
  for (let at = 0; at < 5; at += 1) ask('web.example.org');
  assert.is(told(), 1);
});

const change = (at: number, more: Partial<UnansweredChange> = {}): UnansweredChange => ({
  key: `/skydns/org/example/s${at}` as EtcdKey,
  revision: String(at),
  name: parseName(`s${at}.example.org`),
  addresses: [`192.0.2.${at}`],
  stands: true,
  appliedAtMs: 1000,
  isLate: false,
  ...more,
});
const EVERYTHING = {
  type: 'answer',
  subtrees: ['.' as OwnerName],
  addresses: [],
  validUntilMs: 0,
  unresolved: [],
} as const;
const ANSWER = { ...EVERYTHING, answers: [], authority: [], additional: [], authoritative: true, rotateFrom: 0 };
const QUESTION = { name: parseName('example.org'), type: 33 };

test('a newer change of a key takes the place of the older one, which nobody will see', () => {
  const changes = new UnansweredChanges();
  changes.add(change(1));
  changes.add(change(1, { revision: '2' }));
  assert.equal(
    changes.answered(QUESTION, ANSWER, 1000).map(({ revision }) => revision),
    ['2'],
  );
  assert.is(changes.count, 0);
  changes.expire(2001);
  assert.equal(changes.givenUp, { superseded: 1, age: 0, room: 0 });
});

test("a worker's report of a change that was followed by the next one a moment ago still counts, once", () => {
  const changes = new UnansweredChanges();
  changes.add(change(1));
  changes.add(change(1, { revision: '2', appliedAtMs: 1010 }));
  assert.is(changes.settle(change(1)), true);
  assert.is(changes.settle(change(1)), false);
  changes.add(change(1, { revision: '3', appliedAtMs: 1020 }));
  changes.expire(2021);
  assert.is(changes.settle({ ...change(1), revision: '2' }), false);
  assert.equal(changes.givenUp, { superseded: 1, age: 0, room: 0 });
});

test('the oldest goes when there are too many, and each when it is too old; both are counted', () => {
  const changes = new UnansweredChanges({ changesMax: 3, ageMaxMs: 100 });
  for (let at = 1; at <= 5; at += 1) changes.add(change(at, { appliedAtMs: 1000 + at * 10 }));
  assert.equal(changes.givenUp, { superseded: 0, age: 0, room: 2 });
  assert.is(changes.count, 3);
  assert.equal(
    changes.answered(QUESTION, ANSWER, 1131).map(({ revision }) => revision),
    ['4', '5'],
  );
  assert.equal(changes.givenUp, { superseded: 0, age: 1, room: 2 });
  assert.is(changes.count, 0);
});

test('what one worker answered is settled once, and not of another revision', () => {
  const changes = new UnansweredChanges();
  changes.add(change(7));
  assert.is(changes.settle({ key: change(7).key, revision: '6' }), false);
  assert.is(changes.settle(change(7)), true);
  assert.is(changes.settle(change(7)), false);
  assert.is(changes.count, 0);
});

test('a write that changes no answer is not waited for', () => {
  const event: ZoneEvent = { type: 'RecordPut', atMs: 1, revision: '1', key: WEB, value: '{}' };
  assert.is(unansweredOf(event, { names: [], addresses: [] }), undefined);
  assert.is(unansweredOf({ type: 'ResolverStopped', atMs: 1 }, { names: [parseName('a')], addresses: [] }), undefined);
});

test.run();
