/** A container as `/containers/json?all=1` lists it, as far as it is used. */
export interface ListedContainer {
  readonly id: string;
  /**
   * All that the list says of what decides names, ports, addresses and health. The list is cheap and an inspect is not:
   * while the print stays the same, the periodic comparison need not inspect.
   */
  readonly print: string;
}

/** Reads the list; an entry without a proper id is left out. Undefined when it is no list at all. */
export function readContainerList(json: unknown): readonly ListedContainer[] | undefined {
  return Array.isArray(json) ? json.flatMap((entry: unknown) => readListed(entry) ?? []) : undefined;
}

/** Reads an entry of the list; undefined when it has no proper id. */
export function readListed(entry: unknown): ListedContainer | undefined {
  const raw = entry as Record<string, unknown> | null;
  const id = raw?.Id;
  return typeof id === 'string' && /^[0-9a-f]{64}$/.test(id) ? { id, print: printOf(raw ?? {}) } : undefined;
}

/** The order of what the engine keeps in maps says nothing. Not made canonical as a whole: of thousands, that took half a second. */
function printOf(raw: Record<string, unknown>): string {
  const { Names, Image, Labels, State, NetworkSettings, HostConfig } = raw;
  const ports = (Array.isArray(raw.Ports) ? raw.Ports : []).map((port: unknown) => JSON.stringify(port)).sort();
  // `Up 5 minutes (healthy)`: the minutes pass, the word in brackets is a change.
  const health = /\(.*\)/.exec(String(raw.Status ?? ''))?.[0] ?? '';
  const labels = Object.entries((Labels ?? {}) as object).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify({ Names, Image, labels, State, NetworkSettings, HostConfig, ports, health });
}
