/**
 * What is said of a moment that a journal has no state of.
 *
 * @param beginMs of its first event behind that; undefined when that is not known
 */
export function tooOldText(atMs: number, beginMs: number | undefined): string {
  const begin = beginMs === undefined ? '' : `: it begins at ${new Date(beginMs).toISOString()}`;
  return `the journal does not reach back to ${new Date(atMs).toISOString()}${begin}; it keeps 30 days, and 1 GiB at most; ask for a later moment`;
}
