import { isIdBeginning } from '../../shared/container-id.ts';
import { keyOf, type OwnerName } from '../../shared/name.ts';
import type { TracedEvent } from '../../shared/trace/event.ts';
import type { TraceNeed, TraceQuery } from '../../shared/trace/read.ts';
import type { AnnouncerEvent } from '../event.ts';
import { isAbout, subjectOf } from './history.ts';

/** Which decisions are of what a person named: a name, or a container by name, id, or the beginning of its id. */
export function traceSubject(text: string, domain: OwnerName, prefix: string): Pick<TraceQuery, 'isAbout' | 'texts'> {
  const subject = subjectOf(text, domain);
  const keys = subject.names.map((name) => keyOf(name, prefix)).filter((key) => key !== undefined);
  return {
    isAbout: (event: TracedEvent) => isAbout(event as unknown as AnnouncerEvent, subject, prefix),
    texts: [...keys.map((key) => JSON.stringify(key).slice(1, -1)), ...containerTexts(text)],
  };
}

/** With their fields: a short name is in most lines, as a part of something else. */
function containerTexts(text: string): string[] {
  const json = JSON.stringify(text);
  return [`"containerName":${json}`, `"container":${isIdBeginning(text) ? json.slice(0, -1) : json}`];
}

/** Of keys that are not this host's the journal has nothing, however far back it is read. */
export function isOfHost({ key }: TraceNeed, host: string): boolean {
  return key.split('/').at(-2) === host;
}
