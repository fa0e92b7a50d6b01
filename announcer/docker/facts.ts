import type { ContainerFacts } from '../facts.ts';
import { EngineError } from './engine/engine.ts';
import { factsOf } from './inspect.ts';

/** @throws {EngineError} `unintelligible`, when the answer is no inspect of a container */
export function readFacts(raw: unknown): ContainerFacts {
  try {
    return factsOf(raw);
  } catch (error) {
    throw new EngineError('unintelligible', `its inspect cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
