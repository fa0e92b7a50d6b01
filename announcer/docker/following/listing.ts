import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError } from '../engine/engine.ts';
import { type ListedContainer, readListed } from '../list.ts';

/** Containers of a list that are read in one go, about a millisecond's worth: between two, events have their turn. */
const LIST_SLICE = 200;

/** Reads a list of thousands without standing in the way of anything. @throws {EngineError} `unintelligible` when it is no list */
export async function readList(json: unknown): Promise<readonly ListedContainer[]> {
  if (!Array.isArray(json)) throw new EngineError('unintelligible', 'its list of containers is no JSON array');
  const listed: ListedContainer[] = [];
  for (const [at, entry] of json.entries()) {
    if (at % LIST_SLICE === 0) await nextTurn();
    const container = readListed(entry);
    if (container !== undefined) listed.push(container);
  }
  return listed;
}
