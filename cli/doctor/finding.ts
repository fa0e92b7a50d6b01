/** What one look of the doctor found. */
export interface Finding {
  readonly about: 'docker' | 'etcd' | 'host' | 'clock' | 'ports' | 'udp' | 'resolv.conf' | 'data';
  /** `wrong`: rollcall cannot do its work so. `hint`: it can, but someone may expect something else. */
  readonly status: 'fine' | 'hint' | 'wrong';
  readonly says: string;
  /** What to do about it; absent when nothing is to be done. */
  readonly advice?: string;
}

type About = Finding['about'];

export function fine(about: About, says: string): Finding {
  return { about, status: 'fine', says };
}

export function hint(about: About, says: string, advice: string): Finding {
  return { about, status: 'hint', says, advice };
}

export function wrong(about: About, says: string, advice: string): Finding {
  return { about, status: 'wrong', says, advice };
}

/** More than the time an answer takes and the second that it is rounded to. */
const SKEW_MS = 3_000;

/** @param clockMs of another machine, to the second below; undefined when it does not tell */
export function skewFindings(about: About, whose: string, clockMs: number | undefined, nowMs: number): Finding[] {
  if (clockMs === undefined) return [];
  const skewMs = clockMs - nowMs;
  if (Math.abs(skewMs) <= SKEW_MS) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return [
    hint(
      about,
      `the clock of ${whose} is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
      'names stay true, but the times in histories do not agree: let both follow NTP (chrony, systemd-timesyncd)',
    ),
  ];
}
