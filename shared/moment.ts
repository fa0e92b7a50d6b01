/** As far as a Date reaches, before and after the epoch (ECMA-262 §21.4.1.1). */
const MOMENT_MAX_MS = 8.64e15;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as a person gives it: RFC 3339 (`2026-11-20T14:32:00Z`), milliseconds since the epoch, a time ago (`90s`,
 * `15m`, `2h`, `1d`), or a time of day (`14:32`, `14:32:05`) on this machine's clock: today's, or yesterday's when today's
 * is still to come. Undefined when it is none of these.
 */
export function readMoment(text: string, nowMs: number): number | undefined {
  const moment = momentOf(text, nowMs);
  return moment !== undefined && Math.abs(moment) <= MOMENT_MAX_MS ? moment : undefined;
}

function momentOf(text: string, nowMs: number): number | undefined {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  if (/^\d{12,}$/.test(text)) return Number(text);
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (clock !== null) return lastTimeOfDay(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), nowMs);
  const parsed = /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** By the calendar, not by 24 hours: a day on which clocks change has another length. */
function lastTimeOfDay(hours: number, minutes: number, seconds: number, nowMs: number): number {
  const moment = new Date(nowMs);
  moment.setHours(hours, minutes, seconds, 0);
  if (moment.getTime() > nowMs) {
    moment.setDate(moment.getDate() - 1);
    moment.setHours(hours, minutes, seconds, 0);
  }
  return moment.getTime();
}
