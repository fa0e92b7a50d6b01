const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };
/** As far as a Date reaches, before and after the epoch (ECMA-262 §21.4.1.1). */
const MOMENT_MAX_MS = 8.64e15;

/**
 * A moment as a person gives it: RFC 3339 (`2026-11-20T14:32:00Z`), milliseconds since the epoch, a time ago (`90s`,
 * `15m`, `2h`, `1d`), or a time of day (`14:32`, `14:32:05`) on this machine's clock: today's, or yesterday's when today's
 * is still to come. A date and time without an offset, and a date alone, which is its midnight, are on that clock too.
 * Undefined when it is none of these, or a day that no calendar has.
 */
export function readMoment(text: string, nowMs: number): number | undefined {
  const moment = momentOf(text, nowMs);
  return moment !== undefined && Math.abs(moment) <= MOMENT_MAX_MS ? moment : undefined;
}

const AGO = /^(\d+)([smhd])$/;
const SINCE_EPOCH = /^\d{12,}$/;
const TIME_OF_DAY = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;
/** RFC 3339 §5.6, and what people leave out of it: the seconds, the offset, the colon in that, the time. 60 is a leap second. */
const DATE_AND_TIME =
  /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?(?:(Z)|([+-])([01]\d|2[0-3]):?([0-5]\d))?)?$/i;

function momentOf(text: string, nowMs: number): number | undefined {
  const ago = AGO.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  if (SINCE_EPOCH.test(text)) return Number(text);
  const clock = TIME_OF_DAY.exec(text);
  if (clock !== null) return lastTimeOfDay(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), nowMs);
  const date = DATE_AND_TIME.exec(text);
  return date === null ? undefined : dateAndTime(date);
}

function dateAndTime([, year, month, day, hours, minutes, seconds, fraction, utc, sign, ...offset]: readonly (
  | string
  | undefined
)[]): number | undefined {
  const [y, m, d] = [Number(year), Number(month) - 1, Number(day)];
  // A day that the month does not have would be taken for one of the next.
  const inUtc = new Date(0);
  inUtc.setUTCFullYear(y, m, d);
  if (inUtc.getUTCMonth() !== m || inUtc.getUTCDate() !== d) return undefined;
  const [h, min, s] = [hours, minutes, seconds].map((part) => Number(part ?? 0)) as [number, number, number];
  const ms = Number((fraction ?? '').padEnd(3, '0').slice(0, 3));
  if (utc === undefined && sign === undefined) {
    const local = new Date(0);
    local.setFullYear(y, m, d);
    return local.setHours(h, min, s, ms);
  }
  const [offsetHours, offsetMinutes] = offset.map((part) => Number(part ?? 0)) as [number, number];
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (sign === '-' ? -1 : 1);
  return inUtc.setUTCHours(h, min, s, ms) - offsetMs;
}

/**
 * By the calendar, not by 24 hours: a day on which clocks change has another length. Where they were set back a time of day
 * comes twice, and the last one is the second; where they were set forward it did not come at all, and the last one is of the
 * day before.
 */
function lastTimeOfDay(hours: number, minutes: number, seconds: number, nowMs: number): number {
  for (let daysAgo = 0; ; daysAgo += 1) {
    const day = new Date(nowMs);
    day.setDate(day.getDate() - daysAgo);
    const last = timesOfDay(day, hours, minutes, seconds).findLast((moment) => moment <= nowMs);
    if (last !== undefined) return last;
  }
}

/** The moments of a day at which its clocks show this time: one, two or none, in order. */
function timesOfDay(day: Date, hours: number, minutes: number, seconds: number): number[] {
  const midday = new Date(day).setHours(12, 0, 0, 0);
  const inUtc = Date.UTC(day.getFullYear(), day.getMonth(), day.getDate(), hours, minutes, seconds);
  const offsets = [midday - DAY_MS, midday + DAY_MS].map((each) => new Date(each).getTimezoneOffset());
  return [...new Set(offsets)]
    .map((offset) => inUtc + offset * 60_000)
    .filter((moment) => {
      const shown = new Date(moment);
      return shown.getDate() === day.getDate() && shown.getHours() === hours && shown.getMinutes() === minutes;
    })
    .sort((one, other) => one - other);
}
