/** How much is told of what is wrong: each sentence is an event, a log line, and kept for as long as the container runs. */

/** Of one label, and of the labels of one kind. */
export const TOLD_MAX = 3;
/** Of one container. */
export const REFUSALS_MAX = 20;
const QUOTED_MAX = 100;

/**
 * A sentence about each of the first `max`, and one that says how many more there are.
 *
 * @param rest completes `and 5 …`
 */
export function tellFirst<T>(items: readonly T[], max: number, tell: (item: T) => string, rest = 'more'): string[] {
  const told = items.slice(0, max).map(tell);
  return items.length > max ? [...told, `and ${items.length - max} ${rest}`] : told;
}

/** A label or a part of one, as a sentence names it: whoever wrote it knows it by its beginning. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, QUOTED_MAX));
}

/** {@link quoted} without the quotes. */
export function shortened(text: string): string {
  return text.slice(0, QUOTED_MAX);
}
