import { evolve } from '../decisions/decider.ts';
import { SnapshotReader } from '../decisions/snapshot.ts';
import { type AnnouncerState, initialState } from '../decisions/state.ts';
import type { AnnouncerEvent } from '../event.ts';

/** What a start would restore from a journal: what is to stand in the store. */
export class AnnouncerReplay {
  #reader: SnapshotReader | undefined;
  #state: AnnouncerState | undefined;

  /** @throws {SnapshotError} when this version cannot read it */
  snapshotLine(line: unknown): void {
    this.#reader ??= new SnapshotReader();
    this.#reader.take(line);
  }

  apply(event: AnnouncerEvent): void {
    this.#state = evolve(this.#current(), event);
  }

  /** What it stands for, and what it says of it. */
  result(): ReadonlyMap<string, string> {
    return new Map([...this.#current().desired].map(([key, value]) => [`key ${key}`, value]));
  }

  /** The events begin where the snapshot ends. */
  #current(): AnnouncerState {
    return this.#state ?? this.#reader?.state ?? initialState;
  }
}
