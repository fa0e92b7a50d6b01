import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { momentOfLabel, readPastName } from '../../../resolver/report/past-name.ts';
import { readMoment } from '../../../shared/moment.ts';
import { parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/past names');
const NOW = Date.parse('2026-11-20T14:32:00Z');
const ZONES = [parseName('example.org')];

const read = (name: string) => readPastName(parseName(name), ZONES, NOW);
function problem(name: string): string {
  const result = read(name);
  return result.ok ? 'none' : result.problem;
}

/** As a person writes a moment into a label: hyphens for what a label cannot well have. */
const labelOf = (moment: string): string => moment.replace(/[:.]/g, '-');
const pad = (digits: number) => (value: number) => String(value).padStart(digits, '0');
const two = (max: number) => fc.integer({ min: 0, max }).map(pad(2));
const moment = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 100_000 }), fc.constantFrom('s', 'm', 'h', 'd')).map((parts) => parts.join('')),
  fc.integer({ min: 100_000_000_000, max: 9_000_000_000_000 }).map(String),
  fc.tuple(fc.oneof(two(23), fc.integer({ min: 0, max: 9 }).map(String)), two(59)).map((parts) => parts.join(':')),
  fc.tuple(two(23), two(59), two(59)).map((parts) => parts.join(':')),
  fc
    .date({ min: new Date(0), max: new Date('9000-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
  fc
    .record({
      date: fc.date({ min: new Date(0), max: new Date('9000-01-01'), noInvalidDate: true }),
      length: fc.constantFrom(16, 19, 23),
      zone: fc.oneof(
        fc.constantFrom('', 'Z'),
        fc
          .tuple(fc.constantFrom('+', '-'), two(14), two(59))
          .map(([sign, hours, minutes]) => `${sign}${hours}:${minutes}`),
      ),
    })
    .map(({ date, length, zone }) => date.toISOString().slice(0, length) + zone),
);

test('every form of a moment is read from its label as it is from its text, whatever the letters', () => {
  fc.assert(
    fc.property(moment, fc.boolean(), (text, isUpper) => {
      const expected = readMoment(text, NOW);
      assert.type(expected, 'number', text);
      const label = isUpper ? labelOf(text).toUpperCase() : labelOf(text).toLowerCase();
      const [folded = ''] = parseName(`${label}.at.rollcall`).split('.');
      assert.is(readMoment(momentOfLabel(folded), NOW), expected, `${text} as ${label}`);
    }),
    { numRuns: 1000 },
  );
});

for (const [name, expected] of [
  ['14-31.srv.web.example.org.at.rollcall', ['14:31', 'SRV', ['web.example.org.']]],
  ['14-31-59.SRV.Web.Example.ORG.AT.RollCall', ['14:31:59', 'SRV', ['web.example.org.']]],
  ['15m.web.at.rollcall', ['15m', 'A', ['web.example.org.', 'web.']]],
  ['15m.a.srv.at.rollcall', ['15m', 'A', ['srv.example.org.', 'srv.']]],
  ['15m.srv.web.at.rollcall', ['15m', 'SRV', ['web.example.org.', 'web.']]],
  [
    '15m.ptr.1.2.0.192.in-addr.arpa.at.rollcall',
    ['15m', 'PTR', ['1.2.0.192.in-addr.arpa.example.org.', '1.2.0.192.in-addr.arpa.']],
  ],
  ['2026-11-20t14-31-05-123z.txt.web.at.rollcall', ['2026-11-20T14:31:05.123Z', 'TXT', ['web.example.org.', 'web.']]],
  ['2026-11-20t09-31-05-00.web.at.rollcall', ['2026-11-20T09:31-05:00', 'A', ['web.example.org.', 'web.']]],
] as const) {
  test(`${name} is ${expected[1]} at ${expected[0]}`, () => {
    const [text, type, names] = expected;
    assert.equal(read(name), { ok: true, atMs: readMoment(text, NOW), type, names: [...names] });
  });
}

test('what can be no question says what was wrong, the limit, and what to write', () => {
  assert.match(problem('25-00.web.at.rollcall'), /"25-00" is no moment; write 14-32 or .*15m.*as 14-32\.srv\.web/);
  assert.match(
    problem('2026-11-20t14-33z.web.at.rollcall'),
    /2026-11-20T14:33:00\.000Z, which is still to come: it is 2026-11-20T14:32:00\.000Z here; ask for a moment/,
  );
  assert.match(problem('at.rollcall'), /ask for a moment and a name/);
  assert.match(problem('15m.at.rollcall'), /names nothing/);
  assert.match(problem('15m.srv.at.rollcall'), /names nothing/);
  const zones = [parseName(`${'z'.repeat(60)}.example.org`)];
  const long = parseName(`15m.${Array.from({ length: 3 }, () => 'l'.repeat(63)).join('.')}.at.rollcall`);
  const tooLong = readPastName(long, zones, NOW);
  assert.match(tooLong.ok ? 'read' : tooLong.problem, /has 266 octets; at most 255/);
});

test.run();
