import { isIdBeginning, namesContainer } from '../../shared/container-id.ts';
import { keyOf, NameError, type OwnerName, ownerOf } from '../../shared/name.ts';
import type { TracedEvent } from '../../shared/trace/event.ts';
import type { TraceQuery } from '../../shared/trace/read.ts';
import { fixedPart } from './history.ts';
import { isInSubtree, namesMeant } from './subject.ts';

/** The instance's label is the short id, and perhaps a port behind it. */
const SHORT_ID = 12;

/** Which changes are of what a person named: a name, or a container by name, id, or the beginning of its id. */
export function traceSubject(
  text: string,
  zones: readonly OwnerName[],
  prefix: string,
): Pick<TraceQuery, 'isAbout' | 'texts'> {
  const names = namesOf(text, zones);
  const keys = names.map((name) => keyOf(fixedPart(name), prefix)).filter((key) => key !== undefined);
  const short = isIdBeginning(text) ? text.slice(0, SHORT_ID) : undefined;
  return {
    isAbout: ({ key = '', container, containerName }: TracedEvent) => {
      if (containerName === text || (container !== undefined && namesContainer(text, container))) return true;
      if (short !== undefined && key.split('/').at(-1)?.startsWith(short)) return true;
      const owner = ownerOf(key, prefix);
      return owner !== undefined && names.some((name) => isInSubtree(owner, name));
    },
    // With its field: a short name is in most lines, as a part of something else.
    texts: [
      ...[...keys, ...(short === undefined ? [] : [short])].map(inJson),
      ...['container', 'containerName'].map((field) => `"${field}":"${inJson(text)}"`),
    ],
  };
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** A container's name may hold what a label cannot. */
function namesOf(text: string, zones: readonly OwnerName[]): readonly OwnerName[] {
  try {
    return namesMeant(text, zones);
  } catch (error) {
    if (error instanceof NameError) return [];
    throw error;
  }
}
