import type { ChangeCause } from '../../shared/causes.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { Revision } from '../../shared/store.ts';
import type { ChangeExplained, ZoneEvent } from '../zone/event.ts';
import type { RecordEvent } from './state.ts';

/** What one transaction of an announcer says of itself. */
export interface ToldCauses {
  readonly revision: Revision;
  /** As in `ChangeExplained`. */
  readonly host: string;
  readonly changes: readonly ChangeCause[];
}

export interface Explained {
  readonly event: ChangeExplained;
  /** The change was not seen when it happened: how long it took to get here says nothing. */
  readonly isLate: boolean;
}

/** What is kept of a change: not its value, which may be long. */
type Change = Pick<RecordEvent, 'atMs' | 'revision' | 'late'>;

interface Told {
  readonly revision: Revision;
  readonly host: string;
  readonly change: ChangeCause;
}

/** Changes that wait for their causes, and causes that wait for their changes; the oldest go first. */
export const WAITING_MAX = 10_000;
/** What stays of them when there are too many. */
const KEPT_SHARE = 0.99;
/** What a write is for that removes its key. */
const REMOVALS: ReadonlySet<string> = new Set(['withdrawn', 'unclaimed']);

/**
 * Puts changes and their causes together. Both come from watches of their own, in any order: what belongs together has the
 * same revision and key. Of a key that was found gone after a gap nobody knows at which revision it went: then the newest
 * cause of the key explains that, when it is a removal.
 */
export class ChangeExplanations {
  readonly #prefix: string;
  readonly #changes = new Waiting<Change>();
  readonly #told = new Waiting<Told>();
  /** By key: of those that wait, the newest. */
  readonly #newest = new Waiting<Told>();
  /** By key: found gone after a gap. */
  readonly #foundGone = new Waiting<Change>();

  /**
   * @param prefix of the zone; causes of other keys are passed over
   * @param unexplained changes that the process before applied, and whose causes were not told by its end
   */
  constructor(prefix: string, unexplained: readonly RecordEvent[] = []) {
    this.#prefix = `${prefix}/`;
    for (const event of unexplained) this.#changed(event);
  }

  /** The events have been applied. @returns what is explained by causes that were told before */
  changed(events: readonly ZoneEvent[]): readonly Explained[] {
    return events.flatMap((event) =>
      event.type === 'RecordPut' || event.type === 'RecordDeleted' ? (this.#changed(event) ?? []) : [],
    );
  }

  /** @returns what is explained by them of changes that were applied before */
  told(told: readonly ToldCauses[]): readonly Explained[] {
    const explained: Explained[] = [];
    const touched = new Set<EtcdKey>();
    for (const { revision, host, changes } of told) {
      for (const change of changes) {
        if (!change.key.startsWith(this.#prefix)) continue;
        const each = { revision, host, change };
        const id = idOf(String(revision), change.key);
        const event = this.#changes.take(id);
        if (event === undefined) {
          this.#told.add(id, each);
          this.#newest.add(change.key, each);
        } else {
          this.#forgetUpTo(change.key, revision);
          explained.push(explain(event, each));
        }
        touched.add(change.key);
      }
    }
    // Only when all of them are known: a later one may have put the key again.
    for (const key of touched) explained.push(...this.#explainGone(key));
    return explained;
  }

  #changed(event: RecordEvent): Explained | undefined {
    const { key, revision } = event;
    this.#foundGone.take(key);
    const told = this.#told.take(idOf(revision, key));
    if (told !== undefined || event.type === 'RecordPut') this.#forgetUpTo(key, BigInt(revision));
    if (told !== undefined) return explain(event, told);
    if (event.type === 'RecordDeleted' && event.late === true) {
      this.#foundGone.add(key, changeOf(event));
      return this.#explainGone(key)[0];
    }
    this.#changes.add(idOf(revision, key), changeOf(event));
    return undefined;
  }

  /** What was told of the key before says nothing of how it goes later. */
  #forgetUpTo(key: EtcdKey, revision: Revision): void {
    const told = this.#newest.get(key);
    if (told !== undefined && told.revision <= revision) this.#newest.take(key);
  }

  #explainGone(key: EtcdKey): Explained[] {
    const told = this.#newest.get(key);
    const event = this.#foundGone.get(key);
    if (told === undefined || event === undefined) return [];
    if (!REMOVALS.has(told.change.write) || told.revision > BigInt(event.revision)) return [];
    this.#foundGone.take(key);
    this.#newest.take(key);
    this.#told.take(idOf(String(told.revision), key));
    return [explain(event, told)];
  }
}

/** First in, first out, once there are too many. */
class Waiting<T> {
  readonly #items = new Map<string, T>();

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  add(id: string, item: T): void {
    this.#items.delete(id);
    this.#items.set(id, item);
    if (this.#items.size <= WAITING_MAX) return;
    // Several at once: to find the oldest of a map takes a look at the places of those that left before it.
    for (const oldest of this.#items.keys()) {
      if (this.#items.size <= WAITING_MAX * KEPT_SHARE) break;
      this.#items.delete(oldest);
    }
  }

  take(id: string): T | undefined {
    const item = this.#items.get(id);
    this.#items.delete(id);
    return item;
  }
}

function idOf(revision: string, key: EtcdKey): string {
  return `${revision} ${key}`;
}

function changeOf({ atMs, revision, late }: RecordEvent): Change {
  return { atMs, revision, ...(late && { late }) };
}

function explain({ atMs, revision, late }: Change, { host, change }: Told): Explained {
  return { event: { type: 'ChangeExplained', atMs, revision, host, ...change }, isLate: late === true };
}
