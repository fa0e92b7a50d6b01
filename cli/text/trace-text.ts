import { TRACES_MAX } from '../../shared/trace/gather.ts';
import type { Trace, TraceLeg, TraceStep } from '../../shared/trace/trace.ts';
import { formatTable } from './table.ts';

type StepName = 'happened' | 'decided' | 'stored' | 'applied' | 'answered';

const TITLES: Readonly<Record<StepName, string>> = {
  happened: 'happened',
  decided: 'decided',
  stored: 'in etcd',
  applied: 'resolver',
  answered: 'first answer',
};
/** From when each leg counts: etcd's answer to the announcer and the resolver's watch run side by side. */
const SINCE: Readonly<Record<TraceLeg, string>> = {
  decided: 'after it happened',
  stored: 'after the decision',
  applied: 'after the decision',
  answered: 'after it was applied',
};
const STEPS: readonly StepName[] = ['happened', 'decided', 'stored', 'applied', 'answered'];

/** One change: what it is, a row for each moment, the whole, and what is to be said about it. */
export function traceText(trace: Trace): string {
  const { legs, notes, totalMs } = trace;
  const rows = STEPS.map((name) => [
    TITLES[name],
    whenText(trace[name]),
    name === 'happened' ? '' : legText(legs, name),
    stepText(trace[name]),
  ]);
  const table = formatTable(['', 'when', 'leg', 'what'], rows);
  return [
    titleOf(trace),
    ...table.split('\n').map((line) => `  ${line}`),
    ...(totalMs === undefined ? [] : [`  ${wholeText(trace, totalMs)}`]),
    ...notes.map((note) => `  ! ${note}`),
  ].join('\n');
}

/** @param last as many changes as were asked for */
export function moreText(count: number, revision: string, last: number): string {
  const changes = count === 1 ? 'change' : 'changes';
  return `${count} more ${changes} in revision ${revision}: --last ${Math.min(last + count, TRACES_MAX)}`;
}

function titleOf({ change, key, revision, container, containerName }: Trace): string {
  const where = revision === undefined ? 'no revision' : `revision ${revision}`;
  const name = containerName === undefined ? '' : ` (${containerName})`;
  const whose = container === undefined ? '' : `, container ${container.slice(0, 12)}${name}`;
  return `${change} ${key}, ${where}${whose}`;
}

function whenText(step: TraceStep): string {
  return 'atMs' in step ? new Date(step.atMs).toISOString() : 'not known';
}

function stepText(step: TraceStep): string {
  return 'atMs' in step ? step.text : step.unknown;
}

function legText(legs: Trace['legs'], leg: TraceLeg): string {
  const ms = legs[leg];
  return ms === undefined ? '' : `${ms} ms ${SINCE[leg]}`;
}

function wholeText(trace: Trace, totalMs: number): string {
  const known = STEPS.filter((name) => 'atMs' in trace[name]);
  const [first, last] = [known[0], known.at(-1)];
  const ends = first === undefined || last === undefined ? '' : `, from ${TITLES[first]} to ${TITLES[last]}`;
  return `total ${totalMs} ms${ends}`;
}
