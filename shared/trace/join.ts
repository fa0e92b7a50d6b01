import { type DecidedChange, decidedChanges } from './decisions.ts';
import type { TracedEvent, TracePart } from './event.ts';
import type { JoinedChange, Sources } from './joined-change.ts';
import { type SeenChange, seenChanges } from './records.ts';
import { traceOf } from './steps.ts';
import type { Trace } from './trace.ts';

/**
 * The changes that the journals tell of, each once, in the order of their revisions: clocks of several hosts order nothing.
 * What is joined is the key and the revision; a change whose revision the announcer did not learn (a lease that it gave
 * back) is the deletion that the resolver saw behind the key's last write. The order of the events given does not matter.
 */
export function joinTraces(sources: Sources): Trace[] {
  const byKey = new Map<string, { announcer: TracedEvent[]; resolver: TracedEvent[] }>();
  const known = knownRevisions(inOrder(sources.announcer));
  for (const name of ['announcer', 'resolver'] as const) {
    for (const event of inOrder(sources[name])) {
      if (event.key === undefined) continue;
      const ofKey = byKey.get(event.key) ?? { announcer: [], resolver: [] };
      byKey.set(event.key, ofKey);
      ofKey[name].push(event);
    }
  }
  const joined = [...byKey].flatMap(([key, { announcer, resolver }]) =>
    joinKey(
      decidedChanges(key, announcer, ({ sequence }) => known.get(sequence) ?? 0n),
      seenChanges(key, resolver),
    ),
  );
  return joined.sort(byRevision).map((change) => traceOf(change, sources));
}

function inOrder(part: TracePart | undefined): readonly TracedEvent[] {
  const events = new Map((part?.events ?? []).map((event) => [event.sequence, event]));
  return [...events.values()].sort((one, other) => one.sequence - other.sequence);
}

/** By the number of an event: the last revision of an event before it. */
function knownRevisions(events: readonly TracedEvent[]): ReadonlyMap<number, bigint> {
  const known = new Map<number, bigint>();
  let last = 0n;
  for (const { sequence, revision } of events) {
    known.set(sequence, last);
    if (revision !== undefined && BigInt(revision) > last) last = BigInt(revision);
  }
  return known;
}

function joinKey(decided: readonly DecidedChange[], seen: readonly SeenChange[]): JoinedChange[] {
  const left = new Set(seen);
  const joined: JoinedChange[] = [];
  for (const each of decided) {
    const found = seen.find(({ revision, kind }) => revision === each.write?.revision && kind === each.kind);
    if (found !== undefined) left.delete(found);
    joined.push({ decided: each, seen: found });
  }
  // Deletions whose revision the announcer did not learn, or learned from a later read.
  for (const [at, { decided: each, seen: found }] of joined.entries()) {
    if (each === undefined || found !== undefined || each.kind !== 'delete' || each.unwritten) continue;
    const before = nextRevision(joined, at);
    const deleted = [...left].find(
      ({ kind, revision }) =>
        kind === 'delete' && BigInt(revision) > each.after && (before === undefined || BigInt(revision) < before),
    );
    if (deleted === undefined) continue;
    left.delete(deleted);
    joined[at] = { decided: each, seen: deleted };
  }
  return [...joined, ...[...left].map((each) => ({ decided: undefined, seen: each }))];
}

/** Of the key's next put: a deletion behind it is another one. */
function nextRevision(joined: readonly JoinedChange[], at: number): bigint | undefined {
  for (const { decided } of joined.slice(at + 1)) {
    const revision = decided?.kind === 'put' ? decided.write?.revision : undefined;
    if (revision !== undefined) return BigInt(revision);
  }
  return undefined;
}

/** What has no revision stands behind the last one of its key, in the announcer's order. */
function byRevision(one: JoinedChange, other: JoinedChange): number {
  const [first, second] = [placeOf(one), placeOf(other)];
  if (first.revision !== second.revision) return first.revision < second.revision ? -1 : 1;
  if (first.sequence !== second.sequence) return first.sequence - second.sequence;
  return first.key < second.key ? -1 : first.key > second.key ? 1 : 0;
}

function placeOf({ decided, seen }: JoinedChange): { revision: bigint; sequence: number; key: string } {
  const revision = seen?.revision ?? decided?.write?.revision;
  const key = decided?.key ?? seen?.key ?? '';
  if (revision !== undefined) return { revision: BigInt(revision), sequence: 0, key };
  return { revision: decided?.after ?? 0n, sequence: decided?.decision?.sequence ?? 0, key };
}
