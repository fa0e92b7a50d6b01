/** One moment of a change: when, and what was said; or why that is not known. */
export type TraceStep =
  | { readonly atMs: number; readonly text: string; readonly late?: true }
  | { readonly unknown: string };

/** Between which two moments a leg lies is in `docs/events.md`; `stored` and `applied` both begin with the decision. */
export type TraceLeg = 'decided' | 'stored' | 'applied' | 'answered';

/** One change of one key, from what happened to the first answer. JSON as it stands. */
export interface Trace {
  readonly key: string;
  readonly change: 'announced' | 'changed' | 'withdrawn';
  /** Of etcd, in decimal digits; absent while the change is not written, or where nobody learned it. */
  readonly revision?: string;
  /** Who wrote it, as the key says. */
  readonly host?: string;
  readonly container?: string;
  readonly containerName?: string;
  /** What the engine, a check or a command said. */
  readonly happened: TraceStep;
  readonly decided: TraceStep;
  /** etcd acknowledged it. */
  readonly stored: TraceStep;
  /** It stood in the resolver's zone. */
  readonly applied: TraceStep;
  /** The first query was answered with it. */
  readonly answered: TraceStep;
  /** Milliseconds, of those whose both ends are known; below 0 where two clocks differ. */
  readonly legs: Readonly<Partial<Record<TraceLeg, number>>>;
  /** From the first moment that is known to the last. */
  readonly totalMs?: number;
  readonly notes: readonly string[];
}

export const TRACE_STEPS = ['happened', 'decided', 'stored', 'applied', 'answered'] as const;
