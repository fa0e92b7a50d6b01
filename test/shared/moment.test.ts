import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readMoment } from '../../shared/moment.ts';

const test = suite('shared/moment');
const NOW = Date.parse('2026-11-20T14:32:00Z');

for (const [text, expected] of [
  ['2026-11-20T14:00:00Z', NOW - 32 * 60_000],
  ['2026-11-20T15:00:00+01:00', NOW - 32 * 60_000],
  ['2026-11-20 14:00Z', NOW - 32 * 60_000],
  ['2026-11-20t14:00:00.5z', NOW - 32 * 60_000 + 500],
  ['2026-11-20T14:00:00.1239Z', NOW - 32 * 60_000 + 123],
  ['2026-11-20T09:00:00-0500', NOW - 32 * 60_000],
  ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
  ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ['2026-02-29T00:00:00Z', undefined],
  ['2026-02-30', undefined],
  ['2026-11-31T00:00:00Z', undefined],
  ['2026-11-20 (yesterday)', undefined],
  ['2026-11-20,14:32', undefined],
  ['2026-11-20 2pm', undefined],
  ['2026-11-20T24:00:00Z', undefined],
  ['2026-11-20T14:32:00+24:00', undefined],
  ['1795185120000', 1_795_185_120_000],
  ['1970-01-01T00:00:00.000Z', 0],
  ['+010000-01-01T00:00:00.000Z', 253_402_300_800_000],
  ['90s', NOW - 90_000],
  ['15m', NOW - 900_000],
  ['2h', NOW - 7_200_000],
  ['1d', NOW - 86_400_000],
  ['yesterday', undefined],
  ['', undefined],
  ['15', undefined],
  ['2026-13-45', undefined],
  ['8640000000000001', undefined],
  ['99999999999d', undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${expected === undefined ? 'no moment' : new Date(expected).toISOString()}`, () => {
    assert.is(readMoment(text, NOW), expected);
  });
}

test('a time of day is the last one, on this machine’s clock', () => {
  const now = new Date(2026, 10, 20, 14, 30, 0);
  const of = (text: string): Date => new Date(readMoment(text, now.getTime()) ?? Number.NaN);
  assert.equal(of('14:29'), new Date(2026, 10, 20, 14, 29, 0));
  assert.equal(of('14:30'), now);
  assert.equal(of('14:30:01'), new Date(2026, 10, 19, 14, 30, 1));
  assert.equal(of('9:05'), new Date(2026, 10, 20, 9, 5, 0));
  assert.equal(of('23:59'), new Date(2026, 10, 19, 23, 59, 0));
  for (const text of ['24:00', '12:60', '12:3', '12:30:61'])
    assert.is(readMoment(text, now.getTime()), undefined, text);
});

test('a date, and a date and time without an offset, are on this machine’s clock', () => {
  const of = (text: string): Date => new Date(readMoment(text, NOW) ?? Number.NaN);
  assert.equal(of('2026-11-20'), new Date(2026, 10, 20));
  assert.equal(of('2026-11-20T14:32'), new Date(2026, 10, 20, 14, 32));
  assert.equal(of('2026-11-20 14:32:05'), new Date(2026, 10, 20, 14, 32, 5));
});

/** What `readMoment` says where the clocks are those of `zone`. */
function inZone(zone: string, text: string, now: string): string | undefined {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    const moment = readMoment(text, Date.parse(now));
    return moment === undefined ? undefined : new Date(moment).toISOString();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

for (const [zone, text, now, expected] of [
  // Set back from 3:00 to 2:00 at 1:00 UTC: 2:30 comes twice.
  ['Europe/Berlin', '02:30', '2026-10-25T10:00:00Z', '2026-10-25T01:30:00.000Z'],
  ['Europe/Berlin', '02:30', '2026-10-25T01:10:00Z', '2026-10-25T00:30:00.000Z'],
  ['Europe/Berlin', '02:05', '2026-10-25T01:10:00Z', '2026-10-25T01:05:00.000Z'],
  ['Europe/Berlin', '01:59', '2026-10-25T10:00:00Z', '2026-10-24T23:59:00.000Z'],
  ['Europe/Berlin', '03:00', '2026-10-25T10:00:00Z', '2026-10-25T02:00:00.000Z'],
  // Set forward from 2:00 to 3:00 at 1:00 UTC: 2:30 does not come.
  ['Europe/Berlin', '02:30', '2026-03-29T10:00:00Z', '2026-03-28T01:30:00.000Z'],
  ['Europe/Berlin', '03:30', '2026-03-29T10:00:00Z', '2026-03-29T01:30:00.000Z'],
  // Half an hour.
  ['Australia/Lord_Howe', '01:45', '2026-04-04T20:00:00Z', '2026-04-04T15:15:00.000Z'],
  ['Europe/Berlin', '2026-10-25', '2026-11-20T00:00:00Z', '2026-10-24T22:00:00.000Z'],
] as const) {
  test(`in ${zone} at ${now}, ${text} is ${expected}`, () => {
    assert.is(inZone(zone, text, now), expected);
  });
}

test.run();
