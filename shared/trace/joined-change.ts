import type { DecidedChange } from './decisions.ts';
import type { TracePart } from './event.ts';
import type { SeenChange } from './records.ts';

/** What was asked, and of a journal that could not be asked, why. */
export interface Sources {
  readonly announcer: TracePart | undefined;
  readonly resolver: TracePart | undefined;
  readonly announcerSilent?: string;
  readonly resolverSilent?: string;
}

/** A change as each of the two tells it; at least one of them does. */
export interface JoinedChange {
  readonly decided: DecidedChange | undefined;
  readonly seen: SeenChange | undefined;
}

/** Who writes a key, as announcers spell them: `…/<service>/<host>/<instance>`. */
export function hostOf(key: string): string | undefined {
  return key.split('/').at(-2) || undefined;
}
