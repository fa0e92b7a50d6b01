import type { OwnerName } from '../../shared/name.ts';
import type { TracedEvent } from '../../shared/trace/event.ts';
import type { TraceNeed, TraceQuery } from '../../shared/trace/read.ts';
import type { AnnouncerEvent } from '../event.ts';
import { isAbout, subjectOf, textsOf } from './history.ts';

/** Which decisions are of what a person named: a name, or a container by name, id, or the beginning of its id. */
export function traceSubject(text: string, domain: OwnerName, prefix: string): Pick<TraceQuery, 'isAbout' | 'texts'> {
  const subject = subjectOf(text, domain);
  return {
    isAbout: (event: TracedEvent) => isAbout(event as unknown as AnnouncerEvent, subject, prefix),
    texts: textsOf(subject, prefix),
  };
}

/** Of keys that are not this host's the journal has nothing, however far back it is read. */
export function isOfHost({ key }: TraceNeed, host: string): boolean {
  return key.split('/').at(-2) === host;
}
