import type { EtcdKey, OwnerName } from '../../shared/name.ts';
import type { TracedEvent } from '../../shared/trace/event.ts';
import { traceSubject } from './trace.ts';
import type { ZoneEvents } from './zone-events.ts';

/** Of a container; of more, those that changed last. */
export const CONTAINER_KEYS_MAX = 1000;

/**
 * The keys of a container, by its name, its id or the beginning of that: a resolver knows containers only by what announcers
 * say of their changes, and by the id in a key. Goes through the whole journal unless there are too many.
 */
export async function keysOfContainer(
  journal: Pick<ZoneEvents, 'searchBackward'>,
  text: string,
  zones: readonly OwnerName[],
  prefix: string,
): Promise<ReadonlySet<EtcdKey>> {
  const { isAbout, texts } = traceSubject(text, zones, prefix);
  const keys = new Set<EtcdKey>();
  for await (const { event, sequence } of journal.searchBackward({ toSequence: Number.MAX_SAFE_INTEGER, texts })) {
    if (!('key' in event) || !isAbout({ ...event, sequence } as TracedEvent)) continue;
    keys.add(event.key);
    if (keys.size >= CONTAINER_KEYS_MAX) break;
  }
  return keys;
}
