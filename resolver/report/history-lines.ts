import { lineHolding } from '../../shared/line-holding.ts';
import { type EtcdKey, keyOf, type OwnerName } from '../../shared/name.ts';
import { fixedPart, GENERAL } from './history.ts';

/** Beyond so many, to look for each costs more than to read every line. */
const KEYS_MAX = 20;

/**
 * A test that passes the line of every event of the history of `names` (`isAbout`) and of `keys`, and of few others.
 * Undefined when only a look at each event can tell.
 */
export function linesAbout(
  names: readonly OwnerName[],
  prefix: string,
  keys: ReadonlySet<EtcdKey> = new Set(),
): RegExp | undefined {
  const subtrees = names.map((name) => keyOf(fixedPart(name), prefix));
  const begins = [...subtrees, ...keys].filter((key) => key !== undefined);
  if (begins.length < names.length + keys.size || keys.size > KEYS_MAX) return undefined;
  return lineHolding([
    ...begins.map((key) => JSON.stringify(key).slice(1, -1)),
    ...[...GENERAL].map((type) => `"type":"${type}"`),
  ]);
}
