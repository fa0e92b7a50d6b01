/**
 * A test of a journal's lines: whether one holds any of `texts`, in whatever case. For a line's octets as Latin-1, which takes
 * no decoding; beyond ASCII it may let others pass as well.
 *
 * @param texts as JSON spells them
 */
export function lineHolding(texts: readonly string[]): RegExp {
  const sources = texts.map((text) =>
    Buffer.from(text, 'utf8')
      .toString('latin1')
      .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
  );
  return new RegExp(sources.join('|'), 'i');
}
