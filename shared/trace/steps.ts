import type { TracedEvent } from './event.ts';
import { hostOf, type JoinedChange, type Sources } from './joined-change.ts';
import { TRACE_STEPS, type Trace, type TraceLeg, type TraceStep } from './trace.ts';
import { whyNotApplied, whyNotDecided, whyNotStored } from './unknown.ts';

/** A change with its moments, its legs, and what is to be said about them. */
export function traceOf(joined: JoinedChange, sources: Sources): Trace {
  const { decided, seen } = joined;
  const key = decided?.key ?? seen?.key ?? '';
  const explained = seen?.explained;
  const told = decided?.decision ?? explained;
  const revision = seen?.revision ?? decided?.write?.revision;
  const host = explained?.host ?? hostOf(key);
  const steps = {
    happened: happenedStep(joined, sources),
    decided: decidedStep(joined, sources),
    stored: storedStep(joined, sources),
    applied: appliedStep(joined, sources),
    answered: answeredStep(joined, sources),
  };
  const legs = legsOf(steps);
  const totalMs = totalOf(steps);
  return {
    key,
    change: changeOf(joined),
    ...(revision !== undefined && { revision }),
    ...(host !== undefined && { host }),
    ...(told?.container !== undefined && { container: told.container }),
    ...(told?.containerName !== undefined && { containerName: told.containerName }),
    ...steps,
    legs,
    ...(totalMs !== undefined && { totalMs }),
    notes: notesOf(steps, legs, sources),
  };
}

function changeOf({ decided, seen }: JoinedChange): Trace['change'] {
  if ((decided ?? seen)?.kind === 'delete') return 'withdrawn';
  const explained = seen?.explained?.write;
  if (explained === 'announced') return 'announced';
  const write = explained ?? decided?.write?.cause;
  // The resolver may have been away while the record was gone.
  const stoodBefore = decided?.stoodBefore ?? seen?.stoodBefore ?? false;
  return write === 'changed' || write === 'moved' || stoodBefore ? 'changed' : 'announced';
}

function happenedStep(joined: JoinedChange, sources: Sources): TraceStep {
  const told = joined.decided?.decision ?? joined.seen?.explained;
  if (told === undefined) return { unknown: whyNotDecided(joined, sources) };
  const text = told.cause ?? '';
  if (told.causedAtMs !== undefined) return { atMs: told.causedAtMs, text };
  return { unknown: `${text}: found by looking, nobody saw when it happened` };
}

function decidedStep(joined: JoinedChange, sources: Sources): TraceStep {
  const decision = joined.decided?.decision;
  const explained = joined.seen?.explained;
  if (decision !== undefined) return { atMs: decision.atMs, text: decisionText(decision) };
  if (explained?.decidedAtMs === undefined) return { unknown: whyNotDecided(joined, sources) };
  return {
    atMs: explained.decidedAtMs,
    text: `${explained.write ?? ''}, as the announcer of ${explained.host} left word`,
  };
}

function decisionText({ type, reason, detail }: TracedEvent): string {
  if (type === 'InstanceAnnounced') return 'to be announced';
  return `to be withdrawn: ${[reason, detail].filter((each) => each !== undefined && each !== '').join(', ')}`;
}

function storedStep(joined: JoinedChange, sources: Sources): TraceStep {
  const write = joined.decided?.write;
  if (write === undefined) return { unknown: whyNotStored(joined, sources) };
  const { atMs, cause, revision } = write;
  return { atMs, text: cause === 'found' ? `found standing at revision ${revision}` : `revision ${revision}` };
}

function appliedStep(joined: JoinedChange, sources: Sources): TraceStep {
  const { seen } = joined;
  if (seen === undefined) return { unknown: whyNotApplied(joined, sources) };
  const { atMs, late } = seen.record;
  if (late !== true) return { atMs, text: `revision ${seen.revision}` };
  return { atMs, text: `revision ${seen.revision}, late: found by reading again, true since some time before`, late };
}

function answeredStep(joined: JoinedChange, sources: Sources): TraceStep {
  const { seen } = joined;
  if (seen === undefined) return { unknown: whyNotApplied(joined, sources) };
  const { answered, next } = seen;
  if (answered !== undefined) return { atMs: answered.atMs, text: `${answered.question} got ${answered.outcome}` };
  if (next !== undefined) return { unknown: `nobody asked before the key changed again, at revision ${next.revision}` };
  return { unknown: 'no query yet that could show it; what nobody asks for within 10 minutes is waited for no longer' };
}

type Steps = Pick<Trace, (typeof TRACE_STEPS)[number]>;

const LEGS: readonly (readonly [TraceLeg, keyof Steps])[] = [
  ['decided', 'happened'],
  ['stored', 'decided'],
  ['applied', 'decided'],
  ['answered', 'applied'],
];

function legsOf(steps: Steps): Trace['legs'] {
  const legs: Partial<Record<TraceLeg, number>> = {};
  for (const [leg, from] of LEGS) {
    const [fromMs, toMs] = [momentOf(steps[from]), momentOf(steps[leg])];
    if (fromMs !== undefined && toMs !== undefined) legs[leg] = toMs - fromMs;
  }
  return legs;
}

function totalOf(steps: Steps): number | undefined {
  const moments = TRACE_STEPS.map((name) => momentOf(steps[name])).filter((atMs) => atMs !== undefined);
  const [first, last] = [moments[0], moments.at(-1)];
  return moments.length < 2 || first === undefined || last === undefined ? undefined : last - first;
}

export function momentOf(step: TraceStep): number | undefined {
  return 'atMs' in step ? step.atMs : undefined;
}

function notesOf(steps: Steps, legs: Trace['legs'], { announcer, resolver }: Sources): string[] {
  const notes: string[] = [];
  const negative = Math.min(...Object.values(legs));
  if (negative < 0) {
    notes.push(
      `a leg of ${negative} ms: two clocks differ by that much at least; changes are ordered by revision, not by clock`,
    );
  }
  if ('late' in steps.applied) notes.push('the resolver was away when it happened');
  for (const [name, part, first] of [
    ['announcer', announcer, steps.decided],
    ['resolver', resolver, steps.applied],
  ] as const) {
    const isMissing = Object.values(steps).some((step) => 'unknown' in step);
    // What is missing of a journal is younger than the first moment that it tells of the change: no gap of before has it.
    const sinceMs = momentOf(first) ?? Number.NEGATIVE_INFINITY;
    const gaps = isMissing ? (part?.gaps ?? []).filter(({ atMs }) => atMs >= sinceMs) : [];
    for (const { lost, atMs } of gaps) {
      const count = lost === undefined ? 'events may be' : `${lost} events`;
      notes.push(`the ${name}'s journal has a gap: ${count} missing up to ${new Date(atMs).toISOString()}`);
    }
    if (part?.isCut === true) notes.push(`the ${name}'s journal has more events of these keys than were read`);
  }
  return notes;
}
