import { readMoment } from '../../shared/moment.ts';
import { labelsOf, NameError, nameOf, type OwnerName } from '../../shared/name.ts';
import type { RrTypeName } from '../../shared/rrset.ts';
import { PAST_SUFFIX } from '../wire/past.ts';
import { PAST_TYPES } from './past-answer.ts';
import { namesMeant } from './subject.ts';

/** What a name below `at.rollcall.` asks for, or why it is none. */
export type PastNameRead =
  | {
      readonly ok: true;
      readonly atMs: number;
      readonly type: RrTypeName;
      /** What may be meant, as `rollcall at` reads it: with or without the zone. */
      readonly names: readonly OwnerName[];
    }
  | { readonly ok: false; readonly problem: string };

const FORM = '<moment>.<type>.<name>.at.rollcall, as 14-32.srv.web.s.prod.example.com.at.rollcall';
const MOMENTS =
  '14-32 or 14-32-05 (the last one, on the clock of this server), 15m, 2h or 1d (ago), 2026-11-20t14-32-05z, or milliseconds since the epoch';

/**
 * Reads `<moment>.<type>.<name>.at.rollcall.`: the question that is asked of the past. Without a type it is `A`, but
 * a label that is the name of a type is always the type: for the service `srv` write `14-32.a.srv.…`.
 *
 * @param name in {@link PAST_SUFFIX}
 */
export function readPastName(name: OwnerName, zones: readonly OwnerName[], nowMs: number): PastNameRead {
  const [momentLabel, ...rest] = labelsOf(name).slice(0, -labelsOf(PAST_SUFFIX).length);
  if (momentLabel === undefined) return problem(`ask for a moment and a name: ${FORM}`);
  const atMs = readMoment(momentOfLabel(momentLabel), nowMs);
  if (atMs === undefined) return problem(`${JSON.stringify(momentLabel)} is no moment; write ${MOMENTS}: ${FORM}`);
  if (atMs > nowMs) {
    const [then, now] = [atMs, nowMs].map((each) => new Date(each).toISOString());
    return problem(
      `${JSON.stringify(momentLabel)} is ${then}, which is still to come: it is ${now} here; ask for a moment that has been`,
    );
  }
  const type = PAST_TYPES.find((each) => each.toLowerCase() === rest[0]);
  const labels = type === undefined ? rest : rest.slice(1);
  if (labels.length === 0) return problem(`names nothing to ask for; write ${FORM}`);
  try {
    return { ok: true, atMs, type: type ?? 'A', names: namesMeant(nameOf(labels).slice(0, -1), zones) };
  } catch (error) {
    if (error instanceof NameError) return problem(error.message);
    throw error;
  }
}

/** Hyphens stand for the colons and the dot of a time, which a label cannot well have. Seconds have two digits, their fraction three. */
const CLOCK = /^(\d{1,2})-(\d\d)(?:-(\d\d))?$/;
const DATE_AND_TIME = /^(\d{4}-\d\d-\d\d)t(\d\d)-(\d\d)(?:-(\d\d)(?:-(\d{3}))?)?(z|[+-]\d\d-\d\d)?$/;

/** A moment as `shared/moment.ts` reads it, of a label in lower case; a label in another form stands for itself. */
export function momentOfLabel(label: string): string {
  const clock = CLOCK.exec(label);
  if (clock !== null) return label.replaceAll('-', ':');
  const [, date, hours, minutes, seconds, fraction, zone = ''] = DATE_AND_TIME.exec(label) ?? [];
  if (date === undefined) return label;
  const time = [hours, minutes, ...(seconds === undefined ? [] : [seconds])].join(':');
  const offset = zone === 'z' ? 'Z' : `${zone.slice(0, 3)}${zone.slice(3).replace('-', ':')}`;
  return `${date}T${time}${fraction === undefined ? '' : `.${fraction}`}${offset}`;
}

function problem(text: string): PastNameRead {
  return { ok: false, problem: text };
}
