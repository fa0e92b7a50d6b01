/** What a person writes for a container's id, and when it means one. */

/** At least six digits of an id: fewer are more likely a word. */
const ID_BEGINNING = /^[0-9a-f]{6,64}$/;

/** Whether `text` can be the beginning of a container's id, or the whole of it. */
export function isIdBeginning(text: string): boolean {
  return ID_BEGINNING.test(text);
}

/**
 * Whether `text` is the id `id`, or as much of its beginning as names a container. What stands for an id of what does not
 * run in Docker (`static:web`, `run:web/1`) has no such beginning: it is meant whole, or not at all.
 */
export function namesContainer(text: string, id: string): boolean {
  return id === text || (isIdBeginning(text) && id.startsWith(text));
}
