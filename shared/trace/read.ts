import type { JournalEvent, JournalGap, Sequenced } from '../journal/event.ts';
import type { TracedEvent, TracePart } from './event.ts';

/** A key whose events a trace needs, back to its change at a revision; without one, back to its last change. */
export interface TraceNeed {
  readonly key: string;
  readonly from?: string;
}

export interface TraceQuery {
  /** Whether an event is about what was asked for. */
  isAbout(event: TracedEvent): boolean;
  /** Texts of which every event that is about it holds one, as JSON spells them. */
  readonly texts: readonly string[];
  /** Changes wanted. */
  readonly last: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Keys that the other journal names. */
  readonly needs: readonly TraceNeed[];
}

/** Which events of a program's journal are what. */
export interface TraceKinds {
  /** By which a change is found, given what was asked for. */
  readonly found: ReadonlySet<string>;
  /** With these, all that the journal has of a change has been read, going back. */
  readonly begins: ReadonlySet<string>;
  /** These say its revision. */
  readonly written: ReadonlySet<string>;
}

/** The announcer decides first, and learns the revision afterwards. */
export const ANNOUNCER_KINDS: TraceKinds = {
  found: new Set(['InstanceAnnounced', 'InstanceWithdrawn']),
  begins: new Set(['InstanceAnnounced', 'InstanceWithdrawn']),
  written: new Set(['KeyWritten', 'KeyRemoved']),
};

/** The resolver learns the revision first; why, and who asked, comes behind it. */
export const RESOLVER_KINDS: TraceKinds = {
  found: new Set(['RecordPut', 'RecordDeleted', 'ChangeExplained']),
  begins: new Set(['RecordPut', 'RecordDeleted']),
  written: new Set(['RecordPut', 'RecordDeleted']),
};

/** What a journal must be able to do. */
export interface TracedJournal {
  readonly status: { readonly lastSequence: number };
  written(): Promise<boolean>;
  searchBackward(search: {
    readonly toSequence: number;
    readonly texts: readonly string[];
    readonly onGap?: (gap: JournalGap) => void;
  }): AsyncIterable<Sequenced<JournalEvent>>;
}

/** Events in one answer. */
export const TRACE_EVENTS_MAX = 5000;
/** Changes of one revision beyond those that are wanted: as many keys as a transaction of etcd has at most. */
const TOGETHER_MAX = 128;

/** What is still needed of a key, going back. */
interface Wanted {
  /** The change that begins with this number. */
  readonly sequence: number | undefined;
  /** The change at this revision. */
  readonly from: bigint | undefined;
  /** It, or an older one, was seen to be written. */
  isWritten: boolean;
}

/** What a journal has of the last changes of what was asked for: read from its end, and no further back than it must. */
export async function readTracePart(journal: TracedJournal, kinds: TraceKinds, query: TraceQuery): Promise<TracePart> {
  await journal.written();
  const wanted = await findChanges(journal, kinds, query);
  for (const { key, from } of query.needs) {
    const revision = from === undefined ? undefined : BigInt(from);
    wanted.set(key, { sequence: wanted.get(key)?.sequence, from: revision, isWritten: false });
  }
  return readBack(journal, kinds, wanted);
}

/** The keys of the last changes, each with the number of its oldest one. */
async function findChanges(
  journal: TracedJournal,
  { found }: TraceKinds,
  { isAbout, texts, last, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY }: TraceQuery,
): Promise<Map<string, Wanted>> {
  const wanted = new Map<string, Wanted>();
  const seen = new Set<string>();
  let oldest: string | undefined;
  if (texts.length === 0) return wanted;
  for await (const { event, sequence } of journal.searchBackward({ toSequence: lastOf(journal), texts })) {
    const traced = tracedOf(event, sequence);
    if (traced.key === undefined || !found.has(traced.type) || !isAbout(traced)) continue;
    if (traced.atMs < sinceMs) break;
    if (traced.atMs > untilMs) continue;
    const id = `${traced.revision ?? sequence} ${traced.key}`;
    // Beyond `last` those of the same revision alone: they came together, and it is said how many there are.
    const isTogether = traced.revision !== undefined && traced.revision === oldest && seen.size < last + TOGETHER_MAX;
    if (!seen.has(id) && seen.size >= last && !isTogether) break;
    if (!seen.has(id)) oldest = traced.revision;
    seen.add(id);
    wanted.set(traced.key, { sequence, from: undefined, isWritten: false });
  }
  return wanted;
}

async function readBack(
  journal: TracedJournal,
  { begins, written }: TraceKinds,
  wanted: Map<string, Wanted>,
): Promise<TracePart> {
  const events: TracedEvent[] = [];
  const gaps: JournalGap[] = [];
  if (wanted.size === 0) return { events, gaps, isCut: false };
  const unmet = new Set(wanted.keys());
  const texts = [...unmet].map((key) => `"key":${JSON.stringify(key)}`);
  const search = { toSequence: lastOf(journal), texts, onGap: (gap: JournalGap) => gaps.push(gap) };
  for await (const { event, sequence } of journal.searchBackward(search)) {
    const traced = tracedOf(event, sequence);
    const want = traced.key === undefined ? undefined : wanted.get(traced.key);
    if (want === undefined || traced.key === undefined) continue;
    if (events.length >= TRACE_EVENTS_MAX) return { events, gaps, isCut: true };
    events.push(traced);
    if (written.has(traced.type) && traced.revision !== undefined && want.from !== undefined)
      want.isWritten ||= BigInt(traced.revision) <= want.from;
    const { sequence: oldest = sequence, from, isWritten } = want;
    if (!begins.has(traced.type) || sequence > oldest || (from !== undefined && !isWritten)) continue;
    unmet.delete(traced.key);
    if (unmet.size === 0) break;
  }
  return { events, gaps, isCut: false };
}

function lastOf(journal: TracedJournal): number {
  return journal.status.lastSequence;
}

function tracedOf(event: JournalEvent, sequence: number): TracedEvent {
  return { ...event, sequence };
}

/** `17:/skydns/org/example/web`: a need as it stands in a query; without a revision, `:/skydns/…`. */
export function formatNeed({ key, from }: TraceNeed): string {
  return `${from ?? ''}:${key}`;
}

/** Undefined when it is none. */
export function parseNeed(text: string): TraceNeed | undefined {
  const [, from, key] = /^(\d{0,20}):(\/.*)$/s.exec(text) ?? [];
  if (from === undefined || key === undefined) return undefined;
  return from === '' ? { key } : { key, from };
}
