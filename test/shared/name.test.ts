import { isUtf8 } from 'node:buffer';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compareKeys,
  type EtcdKey,
  foldCase,
  isLdhLabel,
  isUtf8Key,
  isWithin,
  keyOf,
  keyOfOctets,
  labelsOf,
  labelsOfKey,
  NameError,
  nameOf,
  type OwnerName,
  octetsOfKey,
  ownerOf,
  parseLabels,
  parseName,
} from '../../shared/name.ts';
import fc from '../support/properties.ts';

const test = suite('shared/name');

const octetLabel = fc
  .uint8Array({ minLength: 1, maxLength: 63 })
  .map((octets) => foldCase(Buffer.from(octets).toString('latin1')));
const anyLabels = fc
  .array(octetLabel, { maxLength: 6 })
  .filter((labels) => labels.reduce((sum, label) => sum + label.length + 1, 1) <= 255);

test('reads names in presentation format (RFC 1035 §5.1)', () => {
  const rows: [text: string, labels: string[]][] = [
    ['example.org.', ['example', 'org']],
    ['example.org', ['example', 'org']],
    ['WEB.Example.ORG.', ['web', 'example', 'org']],
    ['.', []],
    ['a\\.b.org.', ['a.b', 'org']],
    ['a\\\\.org.', ['a\\', 'org']],
    ['org\\\\.', ['org\\']],
    ['org\\.', ['org.']],
    ['\\046x.', ['.x']],
    ['\\000\\255.', ['\x00\xff']],
    ['é.org.', ['\xc3\xa9', 'org']],
  ];
  for (const [text, labels] of rows) assert.equal(parseLabels(text), labels, text);
});

test('writes one spelling of a name', () => {
  const rows: [text: string, spelling: string][] = [
    ['Example.ORG', 'example.org.'],
    ['a\\.b', 'a\\.b.'],
    ['a b', 'a\\032b.'],
    ['\\097', 'a.'],
    ['é', '\\195\\169.'],
    ['*.x', '*.x.'],
    ['_http._tcp.x', '_http._tcp.x.'],
    ['', '.'],
  ];
  for (const [text, spelling] of rows) assert.is(parseName(text), spelling);
});

test('refuses what is no name, and says why', () => {
  const rows: [text: string, reason: RegExp][] = [
    ['..', /empty label/],
    ['a..b', /empty label/],
    ['.a', /empty label/],
    [`${'x'.repeat(64)}.org`, /64 octets; at most 63/],
    [Array(5).fill('x'.repeat(60)).join('.'), /at most 255/],
    ['a\\', /ends in a backslash/],
    ['\\256', /over 255/],
    ['\\12', /two digits more/],
  ];
  for (const [text, reason] of rows) {
    assert.throws(
      () => parseName(text),
      (error: Error) => error instanceof NameError && reason.test(error.message),
      text,
    );
  }
});

test('takes a label of 63 and a name of 255 octets', () => {
  const label = 'x'.repeat(63);
  assert.is(labelsOf(parseName(`${label}.${label}.${label}.${'x'.repeat(61)}`)).length, 4);
  assert.throws(() => parseName(`${label}.${label}.${label}.${'x'.repeat(62)}`));
});

test('labels to a name and back are the same labels, whatever their octets', () => {
  fc.assert(
    fc.property(anyLabels, (labels) => {
      const name = nameOf(labels);
      assert.equal(labelsOf(name), labels);
      assert.is(parseName(name), name);
    }),
  );
});

test('any text is read or refused with a NameError', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      try {
        const name = parseName(text);
        assert.is(parseName(name), name);
      } catch (error) {
        if (!(error instanceof NameError)) throw error;
      }
    }),
  );
});

test('a name is within its zone by whole labels only', () => {
  const rows: [name: string, zone: string, within: boolean][] = [
    ['web.example.org', 'example.org', true],
    ['example.org', 'example.org', true],
    ['org', 'example.org', false],
    ['badexample.org', 'example.org', false],
    ['a\\.example.org', 'example.org', false],
    ['a\\\\.example.org', 'example.org', true],
    ['anything', '.', true],
  ];
  for (const [name, zone, within] of rows) assert.is(isWithin(parseName(name), parseName(zone)), within, name);
});

test('within is the same by text as by labels', () => {
  fc.assert(
    fc.property(anyLabels, anyLabels, (front, zone) => {
      const labels = [...front, ...zone];
      if (labels.reduce((sum, label) => sum + label.length + 1, 1) > 255) return;
      assert.ok(isWithin(nameOf(labels), nameOf(zone)));
      const other = nameOf(front);
      const isTail = zone.every((label, at) => label === front[front.length - zone.length + at]);
      assert.is(isWithin(other, nameOf(zone)), front.length >= zone.length && isTail);
    }),
  );
});

test('a name is a key with its labels reversed', () => {
  const rows: [name: string, prefix: string, key: string | undefined][] = [
    ['web.s.prod.example.com', '/skydns', '/skydns/com/example/prod/s/web'],
    ['web.example.org', '/a/b', '/a/b/org/example/web'],
    ['web.example.org', '', '/org/example/web'],
    ['.', '/skydns', '/skydns'],
    ['é.org', '/skydns', '/skydns/org/é'],
    ['a/b.org', '/skydns', undefined],
    ['\\255.org', '/skydns', undefined],
  ];
  for (const [name, prefix, key] of rows) assert.is(keyOf(parseName(name), prefix), key);
});

test('a key below the prefix is a name, one beside it is none', () => {
  const rows: [key: string, owner: string | undefined][] = [
    ['/skydns/com/example/web', 'web.example.com.'],
    ['/skydns/com/Example/WEB:80', 'web:80.example.com.'],
    ['/skydns/com/a.b', 'a\\.b.com.'],
    ['/skydns2/com', undefined],
    ['/skydns', undefined],
    ['/skydns/', undefined],
    ['/skydns/com//web', undefined],
    ['/skydns/com/web/', undefined],
    [`/skydns/com/${'x'.repeat(64)}`, undefined],
    [`/skydns${`/${'x'.repeat(60)}`.repeat(5)}`, undefined],
  ];
  for (const [key, owner] of rows) assert.is(ownerOf(key, '/skydns'), owner, key);
  assert.equal(labelsOfKey('/skydns/com/example', '/skydns'), ['example', 'com']);
});

test('a name to its key and back is the same name', () => {
  fc.assert(
    fc.property(anyLabels, (labels) => {
      if (labels.length === 0) return;
      const name = nameOf(labels);
      const key = keyOf(name, '/skydns');
      if (key !== undefined) assert.is(ownerOf(key, '/skydns'), name);
    }),
  );
});

test('keys order by their octets, as in etcd', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const byOctets = Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
      assert.is(Math.sign(compareKeys(a, b)), byOctets);
    }),
  );
  const inOrder = ['/a', '/a-b', '/a-b/x', '/a.b', '/a/x', '/ab', '/\uffee', '/\u{1f600}'] as EtcdKey[];
  assert.equal([...inOrder].reverse().sort(compareKeys), inOrder);
});

test('keys that are not UTF-8 are no two alike, are themselves again, and order by their octets', () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.array(
      fc.constantFrom(0x2f, 0x61, 0x7f, 0x80, 0xc3, 0xa9, 0xed, 0xef, 0xbf, 0xbd, 0xf0, 0x9f, 0x98, 0x80, 0xfe, 0xff),
    ),
    fc.string({ unit: 'binary', maxLength: 6 }).map((text) => Buffer.from(text, 'utf8')),
  );
  fc.assert(
    fc.property(octets, octets, (left, right) => {
      const [a, b] = [Buffer.from(left), Buffer.from(right)];
      const [keyA, keyB] = [keyOfOctets(a), keyOfOctets(b)];
      assert.equal(octetsOfKey(keyA), a);
      assert.is(isUtf8Key(keyA), isUtf8(a));
      if (isUtf8(a)) assert.is(keyA, a.toString('utf8'));
      assert.is(Math.sign(compareKeys(keyA, keyB)), Buffer.compare(a, b));
      assert.is(JSON.parse(JSON.stringify(keyA)), keyA);
    }),
    { numRuns: 2_000 },
  );
  assert.is(keyOfOctets(Buffer.from('/skydns/\xff', 'latin1')), '/skydns/\udcff');
  assert.is(ownerOf('/skydns/\udcff', '/skydns'), undefined);
  assert.is(
    ownerOf(keyOfOctets(Buffer.from('/skydns/\ufffd')), '/skydns'),
    '\\239\\191\\189.',
    'a character like others',
  );
});

test('LDH labels are letters, digits and inner hyphens (RFC 1123 §2.1)', () => {
  for (const good of ['a', 'A-1', '3f2a', 'x'.repeat(63)]) assert.ok(isLdhLabel(good), good);
  for (const bad of ['', '-a', 'a-', 'a.b', 'a_b', 'x'.repeat(64), 'é']) assert.not(isLdhLabel(bad), bad);
});

test('the labels of a name can be read back as they were written', () => {
  assert.equal(labelsOf('.' as OwnerName), []);
  assert.equal(labelsOf(parseName('a.b')), ['a', 'b']);
});

test.run();
