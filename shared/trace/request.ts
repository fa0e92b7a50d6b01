import { readMoment } from '../moment.ts';
import { TRACES_MAX, type TraceWindow } from './gather.ts';
import { parseNeed, type TraceNeed } from './read.ts';

export interface TraceRequest {
  /** A name, or a container by name or id. */
  readonly of: string;
  readonly window: TraceWindow;
  readonly needs: readonly TraceNeed[];
}

/** `?of=&since=&at=&last=`, and `key=` once for each key that another daemon has found; or what is wrong with it. */
export function readTraceRequest(query: URLSearchParams, nowMs: number): TraceRequest | { readonly problem: string } {
  const of = query.get('of') ?? '';
  if (of === '') return { problem: 'name a container, a service or a DNS name, as ?of=web' };
  const [since, at] = [momentOf(query, 'since', nowMs), momentOf(query, 'at', nowMs)];
  for (const [parameter, moment] of Object.entries({ since, at })) {
    if (!Number.isNaN(moment)) continue;
    const given = `${parameter}=${JSON.stringify(query.get(parameter))}`;
    return { problem: `${given} is no moment; write 14:32, 2026-11-20T14:32:00Z, or 15m for a quarter of an hour ago` };
  }
  if (Math.max(since ?? 0, at ?? 0) > nowMs)
    return { problem: 'since= and at= must have been: they are still to come' };
  const last = readLast(query.get('last') ?? '', since);
  if (last === undefined) return { problem: `last=${JSON.stringify(query.get('last'))} must be 1 to ${TRACES_MAX}` };
  const needs = query.getAll('key').map(parseNeed);
  if (needs.includes(undefined) || needs.length > TRACES_MAX) {
    return { problem: `key= is <revision>:<key>, and ${TRACES_MAX} times at most` };
  }
  return {
    of,
    window: { last, ...(since !== undefined && { sinceMs: since }), ...(at !== undefined && { untilMs: at }) },
    needs: needs as TraceNeed[],
  };
}

/** The last change; with `since`, every one from then on. */
function readLast(text: string, since: number | undefined): number | undefined {
  if (text === '') return since === undefined ? 1 : TRACES_MAX;
  const last = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return last >= 1 && last <= TRACES_MAX ? last : undefined;
}

/** NaN when it is no moment. */
function momentOf(query: URLSearchParams, parameter: string, nowMs: number): number | undefined {
  const text = query.get(parameter) ?? '';
  return text === '' ? undefined : (readMoment(text, nowMs) ?? Number.NaN);
}
