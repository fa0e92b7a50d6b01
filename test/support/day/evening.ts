/** The evening: what the day left behind, for what is told of it to be held against. */
import * as assert from 'uvu/assert';
import { type Day, get } from './day.ts';
import { type Entry, messageOf, messageOfPast, momentsOf, type PastJson } from './diary.ts';
import type { EtcdChange } from './etcd-past.ts';

/** What the tests of the evening look at. */
export interface Context {
  day: Day;
  /** Of the resolver, without a name: everything. */
  events: readonly EventJson[];
  etcdChanges: readonly EtcdChange[];
}

/** Of either program. */
export interface EventJson {
  readonly type: string;
  readonly atMs: number;
  readonly sequence: number;
  readonly key?: string;
  readonly revision?: string;
  readonly cause?: string;
  readonly late?: true;
  readonly question?: string;
  readonly outcome?: string;
  readonly explained?: {
    readonly container: string;
    readonly write: string;
    readonly cause: string;
    readonly decidedAtMs: number;
  };
}

export interface HistoryJson {
  readonly history: readonly EventJson[];
  readonly gaps: readonly unknown[];
}

/** Below it stand the services' keys. */
export const NAMES = '/skydns/com/example/prod/s/';
export const isRecord = ({ type }: EventJson): boolean => type === 'RecordPut' || type === 'RecordDeleted';
export const iso = (atMs: number): string => new Date(atMs).toISOString();

export function pastOf(http: number, { name, type }: Entry, atMs: number): Promise<PastJson> {
  return get(http, `/v1/at?time=${atMs}&name=${name}&type=${type}`);
}

/** @returns how many of the questions were asked while something changed: what at says is one of several answers then */
export async function assertAgrees(
  http: number,
  entries: readonly Entry[],
  events: readonly EventJson[],
): Promise<number> {
  const eventsAtMs = events.filter(({ type }) => type !== 'ChangeAnswered').map(({ atMs }) => atMs);
  let blurred = 0;
  for (const entry of entries) {
    const said = messageOf(entry);
    const moments = momentsOf(entry, eventsAtMs);
    if (moments.length > 1) blurred += 1;
    const told = [];
    for (const atMs of moments) told.push(messageOfPast(await pastOf(http, entry, atMs)));
    if (told.some((each) => JSON.stringify(each) === JSON.stringify(said))) continue;
    const when = `${entry.name} ${entry.type} between ${iso(entry.beforeMs)} and ${iso(entry.afterMs)}`;
    assert.equal(told.at(0), said, `${when}: left what at says, right what dig said`);
  }
  return blurred;
}
