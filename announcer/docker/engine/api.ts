/** The newest API whose dialect was tested; a newer engine is spoken to in this one as long as it still offers it. */
export const API_NEWEST = '1.52';

/**
 * The API version to speak, from what `/version` says: the engine's own, at most the newest tested, at least the oldest
 * that the engine still offers. Undefined when it says nothing usable: requests then go without a version, which every
 * engine takes as its own.
 */
export function chooseApiVersion(engine: { readonly newest?: unknown; readonly oldest?: unknown }): string | undefined {
  const newest = partsOf(engine.newest);
  if (newest === undefined) return undefined;
  const oldest = partsOf(engine.oldest) ?? newest;
  const tested = partsOf(API_NEWEST) as Version;
  return textOf(laterOf(earlierOf(newest, tested), earlierOf(oldest, newest)));
}

type Version = readonly [major: number, minor: number];

function partsOf(text: unknown): Version | undefined {
  const match = typeof text === 'string' ? /^(\d+)\.(\d+)/.exec(text) : null;
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1];
}

function earlierOf(a: Version, b: Version): Version {
  return compare(a, b) <= 0 ? a : b;
}

function laterOf(a: Version, b: Version): Version {
  return compare(a, b) >= 0 ? a : b;
}

function textOf([major, minor]: Version): string {
  return `${major}.${minor}`;
}
