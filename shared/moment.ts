const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as a person gives it: RFC 3339 (`2026-11-20T14:32:00Z`), milliseconds since the epoch, or a time ago (`90s`,
 * `15m`, `2h`, `1d`). Undefined when it is none of these.
 */
export function readMoment(text: string, nowMs: number): number | undefined {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] as string] as number);
  if (/^\d{12,}$/.test(text)) return Number(text);
  const parsed = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}
