import { mergeParts, type TracedEvent, type TracePart } from './event.ts';
import { joinTraces } from './join.ts';
import { ANNOUNCER_KINDS, RESOLVER_KINDS, type TraceKinds, type TraceNeed } from './read.ts';
import { momentOf } from './steps.ts';
import type { TRACE_STEPS, Trace } from './trace.ts';

/** Asks a program for its part; why, when it cannot be asked or does not say. */
export type AskPart = (needs: readonly TraceNeed[]) => Promise<TracePart | { readonly silent: string }>;

/** Which of the changes are wanted. */
export interface TraceWindow {
  /** So many of them, the last ones. */
  readonly last: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface Gathered {
  readonly traces: readonly Trace[];
  /** Changes in the same revision as the first of them that are not among them; absent when there are none. */
  readonly moreInRevision?: number;
  /** What each said; undefined of one that could not be asked. */
  readonly announcer: TracePart | undefined;
  readonly resolver: TracePart | undefined;
  /** Of a program that could not be asked. */
  readonly announcerSilent?: string;
  readonly resolverSilent?: string;
}

/** Changes in one answer. */
export const TRACES_MAX = 100;

/**
 * The traces of what both journals tell: each is asked for what it finds by itself, then for the keys that only the other
 * one found. (Only an announcer knows containers by name; only a resolver knows of other hosts.)
 */
export async function gatherTraces(announcer: AskPart, resolver: AskPart, window: TraceWindow): Promise<Gathered> {
  const [firstA, firstR] = await Promise.all([announcer([]), resolver([])]);
  const [secondA, secondR] = await Promise.all([
    askFor(announcer, firstA, needsOf(firstR, RESOLVER_KINDS)),
    askFor(resolver, firstR, needsOf(firstA, ANNOUNCER_KINDS)),
  ]);
  const silent = {
    ...('silent' in secondA && { announcerSilent: secondA.silent }),
    ...('silent' in secondR && { resolverSilent: secondR.silent }),
  };
  const parts = {
    announcer: 'silent' in secondA ? undefined : secondA,
    resolver: 'silent' in secondR ? undefined : secondR,
  };
  const within = tracesWithin(joinTraces({ ...parts, ...silent }), window);
  const traces = within.slice(-window.last);
  const [first] = traces;
  const together = within.filter(({ revision }) => revision !== undefined && revision === first?.revision).length;
  const shown = traces.filter(({ revision }) => revision === first?.revision).length;
  return { traces, ...(together > shown && { moreInRevision: together - shown }), ...parts, ...silent };
}

async function askFor(ask: AskPart, first: Awaited<ReturnType<AskPart>>, needs: readonly TraceNeed[]) {
  if ('silent' in first || needs.length === 0) return first;
  const second = await ask(needs);
  // What it did not say the second time must not be taken for what is not there.
  return 'silent' in second ? { ...first, isCut: true } : mergeParts(first, second);
}

/** The keys of a part, each back to its oldest revision in it. */
export function needsOf(part: Awaited<ReturnType<AskPart>>, { written }: TraceKinds): readonly TraceNeed[] {
  if ('silent' in part) return [];
  const oldest = new Map<string, bigint | undefined>();
  for (const { key, type, revision } of part.events as readonly TracedEvent[]) {
    if (key === undefined) continue;
    const known = oldest.get(key);
    const here = written.has(type) && revision !== undefined ? BigInt(revision) : undefined;
    oldest.set(key, known === undefined || (here !== undefined && here < known) ? here : known);
  }
  return [...oldest]
    .slice(-TRACES_MAX)
    .map(([key, from]) => (from === undefined ? { key } : { key, from: String(from) }));
}

/** The last ones of those that are wanted. */
export function selectTraces(traces: readonly Trace[], window: TraceWindow): readonly Trace[] {
  return tracesWithin(traces, window).slice(-window.last);
}

/** By the clock of who noted it last: only which are shown hangs on it, not their order. */
function tracesWithin(traces: readonly Trace[], { sinceMs, untilMs }: TraceWindow): readonly Trace[] {
  return traces.filter((trace) => {
    const atMs = ['applied', 'stored', 'decided'].map((name) => momentOf(trace[name as (typeof TRACE_STEPS)[number]]));
    const moment = atMs.find((each) => each !== undefined) ?? 0;
    return moment >= (sinceMs ?? 0) && moment <= (untilMs ?? Number.POSITIVE_INFINITY);
  });
}
