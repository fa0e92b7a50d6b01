/** Journals on disk, for tests that read them. */

import type { JournalEvent } from '../../shared/journal/event.ts';
import { Journal } from '../../shared/journal/journal.ts';
import { silentLog } from '../../shared/log.ts';
import { temporaryDirectory } from './temporary.ts';

export interface JournalOptions {
  readonly directory?: string;
  readonly kind?: 'announcer' | 'resolver' | 'store';
  readonly segmentOctets?: number;
  readonly keepOctets?: number;
  readonly nowMs?: () => number;
}

export function openJournal<E extends JournalEvent>(options: JournalOptions = {}): Promise<Journal<E>> {
  return Journal.open<E>({ directory: temporaryDirectory(), kind: 'resolver', log: silentLog, ...options });
}
