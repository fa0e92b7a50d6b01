import type { Journal } from '../../shared/journal/journal.ts';
import type { ZoneEvent } from '../zone/event.ts';

/** A journal of the resolver, that of this process or one on disk. */
export type ZoneEvents = Pick<Journal<ZoneEvent>, 'entries' | 'newestSnapshot' | 'searchBackward'>;
