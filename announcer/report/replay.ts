import { evolve } from '../decisions/decider.ts';
import { type AnnouncerState, initialState, stateFromJson } from '../decisions/state.ts';
import type { AnnouncerEvent } from '../event.ts';

/** What a start would restore from a journal: what is to stand in the store. */
export class AnnouncerReplay {
  #state: AnnouncerState = initialState;

  /** @throws {SnapshotError} when this version cannot read it */
  snapshotLine(line: unknown): void {
    this.#state = stateFromJson(String(line));
  }

  apply(event: AnnouncerEvent): void {
    this.#state = evolve(this.#state, event);
  }

  /** What it stands for, and what it says of it. */
  result(): ReadonlyMap<string, string> {
    return new Map([...this.#state.desired].map(([key, value]) => [`key ${key}`, value]));
  }
}
