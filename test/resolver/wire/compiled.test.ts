import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CompiledAnswers, type CompiledLimits } from '../../../resolver/wire/compiled.ts';
import { type Compiled, Variant } from '../../../resolver/wire/compiled-entry.ts';
import { MessageWriter } from '../../../resolver/wire/message.ts';
import { foldedQuestion, QueryReader, readQuestionName } from '../../../resolver/wire/query.ts';
import { compose, type Response } from '../../../resolver/wire/respond.ts';
import { parseName } from '../../../shared/name.ts';
import { Rcode } from '../../../shared/rrset.ts';
import { queryOctets } from '../../support/servers/dns-client.ts';

const test = suite('resolver/compiled');
const LIMITS: CompiledLimits = { positiveEntries: 100, positiveOctets: 1e9, negativeEntries: 100, negativeOctets: 1e9 };
const writer = new MessageWriter();

class Cache {
  readonly answers: CompiledAnswers;
  readonly reader = new QueryReader(1);

  constructor(limits: Partial<CompiledLimits> = {}) {
    this.answers = new CompiledAnswers({ ...LIMITS, ...limits });
  }

  find(name: string, nowMs = 0): Compiled | undefined {
    const query = queryOctets({ name });
    this.reader.read(query, query.length);
    return this.answers.find(query, this.reader, nowMs);
  }

  add(
    name: string,
    addressCount: number,
    { subtrees = [name], addresses = [] as string[], validUntilMs = Number.POSITIVE_INFINITY } = {},
  ): Compiled {
    const query = queryOctets({ name });
    this.reader.read(query, query.length);
    const owner = readQuestionName(query);
    const answers = Array.from({ length: addressCount }, (_none, at) => ({
      owner,
      ttlSeconds: 5,
      type: 'A' as const,
      address: `10.0.${at >> 8}.${at & 255}`,
    }));
    const response: Response = {
      rcode: Rcode.NOERROR,
      authoritative: true,
      answers,
      authority: [],
      additional: [],
      rotateFrom: 0,
    };
    const question = foldedQuestion(query, this.reader.questionEnd);
    const dependencies = { subtrees: subtrees.map(parseName), addresses, validUntilMs, unresolved: [] };
    const entry = this.answers.add(owner, question, this.reader.hash, response, dependencies);
    this.answers.addVariant(
      entry,
      new Variant(compose(writer, owner, question, response, { octets: 512, partialFrom: undefined }), 512),
    );
    return entry;
  }
}

test('an answer is found whatever the letter case, and for its own type alone', () => {
  const cache = new Cache();
  const entry = cache.add('web.example.org', 1);
  assert.is(cache.find('WEB.example.org'), entry);
  assert.is(cache.find('wec.example.org'), undefined);
  const query = queryOctets({ name: 'web.example.org', type: 'AAAA' });
  cache.reader.read(query, query.length);
  assert.is(cache.answers.find(query, cache.reader, 0), undefined);
});

test('an answer is gone when its time is over', () => {
  const cache = new Cache();
  cache.add('web.example.org', 1, { validUntilMs: 1_000 });
  assert.ok(cache.find('web.example.org', 999));
  assert.is(cache.find('web.example.org', 1_000), undefined);
  assert.is(cache.answers.positiveEntries, 0);
});

test('a change drops what looked at a subtree with the name in it, or at the address, and nothing else', () => {
  const cache = new Cache();
  cache.add('web.example.org', 1);
  cache.add('1.web.example.org', 1);
  cache.add('alias.example.org', 1, { subtrees: ['alias.example.org', 'web.example.org'] });
  cache.add('mail.example.org', 1);
  cache.add('1.0.0.10.in-addr.arpa', 0, { addresses: ['10.0.0.1'] });
  cache.answers.changed([parseName('2.web.example.org')], []);
  const kept = [
    'web.example.org',
    '1.web.example.org',
    'alias.example.org',
    'mail.example.org',
    '1.0.0.10.in-addr.arpa',
  ].map((name) => cache.find(name) !== undefined);
  assert.equal(kept, [false, true, false, true, true]);
  cache.answers.changed([], ['10.0.0.1', '10.0.0.2']);
  assert.is(cache.find('1.0.0.10.in-addr.arpa'), undefined);
  assert.is(cache.answers.dropped, 3);
});

test('random names that do not exist evict no good answer', () => {
  const cache = new Cache();
  for (let at = 0; at < 50; at += 1) cache.add(`good-${at}.example.org`, 1);
  for (let at = 0; at < 10_000; at += 1) cache.add(`random-${at}.example.org`, 0);
  for (let at = 0; at < 50; at += 1) assert.ok(cache.find(`good-${at}.example.org`), `good-${at}`);
  assert.equal([cache.answers.positiveEntries, cache.answers.negativeEntries], [50, 100]);
});

test('a negative answer is worth keeping when it is asked for again, a positive one at once', () => {
  const { answers } = new Cache();
  const negative: Response = {
    rcode: Rcode.NXDOMAIN,
    authoritative: true,
    answers: [],
    authority: [],
    additional: [],
    rotateFrom: 0,
  };
  const positive = {
    ...negative,
    answers: [{ owner: parseName('a'), ttlSeconds: 1, type: 'A' as const, address: '192.0.2.1' }],
  };
  assert.equal(
    [1, 1, 2, 2].map((hash) => answers.isWorthKeeping(hash, negative)),
    [false, true, false, true],
  );
  assert.is(answers.isWorthKeeping(3, positive), true);
  for (let hash = 100; hash < 40_000; hash += 1) answers.isWorthKeeping(hash, negative);
  assert.is(answers.isWorthKeeping(1, negative), false, 'a flood makes it forget, and does not fill it for ever');
});

test('when there is no room, an answer that was asked for stays before one that was not', () => {
  const cache = new Cache({ positiveEntries: 10 });
  for (let at = 0; at < 10; at += 1) cache.add(`n${at}.example.org`, 1);
  cache.find('n0.example.org');
  cache.add('new.example.org', 1);
  assert.ok(cache.find('n0.example.org'));
  assert.is(cache.find('n1.example.org'), undefined);
  assert.equal([cache.answers.positiveEntries, cache.answers.evicted], [10, 1]);
});

test('octets are bounded, variants and rotations counted', () => {
  const cache = new Cache({ positiveOctets: 100_000 });
  for (let at = 0; at < 1_000; at += 1) cache.add(`n${at}.example.org`, 20);
  assert.ok(cache.answers.octets <= 100_000, `${cache.answers.octets} octets`);
  assert.ok(cache.answers.positiveEntries > 10);
});

test('dropping and clearing give all memory back', () => {
  const cache = new Cache();
  for (let at = 0; at < 50; at += 1) cache.add(`n${at}.example.org`, at % 3);
  cache.answers.changed([parseName('n1.example.org'), parseName('n2.example.org')], []);
  cache.answers.clear();
  assert.equal([cache.answers.octets, cache.answers.positiveEntries, cache.answers.negativeEntries], [0, 0, 0]);
  assert.is(cache.find('n3.example.org'), undefined);
});

test('entries with one hash are told apart, and are few', () => {
  const cache = new Cache();
  const answers = cache.answers;
  const question = (at: number) => queryOctets({ name: `n${at}.example.org` }).subarray(12);
  const response: Response = {
    rcode: Rcode.NOERROR,
    authoritative: true,
    answers: [],
    authority: [],
    additional: [],
    rotateFrom: 0,
  };
  const dependencies = { subtrees: [], addresses: [], validUntilMs: Number.POSITIVE_INFINITY, unresolved: [] };
  for (let at = 0; at < 6; at += 1)
    answers.add(parseName(`n${at}.example.org`), question(at), 42, response, dependencies);
  assert.is(answers.negativeEntries, 4);
  const found = [0, 1, 2, 3, 4, 5].filter((at) => {
    const query = queryOctets({ name: `n${at}.example.org` });
    cache.reader.read(query, query.length);
    cache.reader.hash = 42;
    return answers.find(query, cache.reader, 0)?.name === parseName(`n${at}.example.org`);
  });
  assert.is(found.length, 4);
});

test('a variant suits its own room, and every room when nothing was left out', () => {
  const cache = new Cache();
  const whole = cache.add('web.example.org', 2);
  assert.is(whole.variantFor(512), whole.variantFor(1_232));
  assert.is(whole.variantFor(40), undefined);
  const cut = cache.add('wide.example.org', 100);
  assert.ok(cut.variantFor(512));
  assert.is(cut.variantFor(1_232), undefined);
});

test('each answer begins with the next record, all of them in turn', () => {
  const cache = new Cache();
  for (const count of [3, 200]) {
    const entry = cache.add(`n${count}.example.org`, count);
    const room = 65_535;
    const variant = new Variant(
      compose(writer, entry.name, entry.question, entry.response, { octets: room, partialFrom: undefined }),
      room,
    );
    const out = Buffer.alloc(room);
    const firsts = new Set<number>();
    for (let at = 0; at < count; at += 1) firsts.add(out.readUInt32BE(variant.write(out) - 4));
    assert.is(firsts.size, count);
    assert.is(variant.octets, variant.write(out) * (count === 3 ? 3 : 1), 'few rotations are kept ready');
  }
});

test.run();
