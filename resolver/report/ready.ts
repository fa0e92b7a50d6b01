import type { NotReady } from '../../shared/component.ts';
import type { LiveZone } from '../following/live-zone.ts';

/** Why names of the zones get SERVFAIL now; empty when they do not. @param store as it is called in sentences */
export function notReadyReasons(live: LiveZone, nowMs: number, maxStaleMs: number, store: string): NotReady {
  switch (live.availability(nowMs, maxStaleMs)) {
    case 'never-synced':
      return [`has no zone yet: ${store} has not been read, and there is none on disk`];
    case 'too-stale':
      return [
        `the zone is ${Math.round(live.staleMs(nowMs) / 1000)} s old and ${store} is away; past --max-stale (${maxStaleMs / 1000} s) nothing is answered from it`,
      ];
    default:
      return [];
  }
}
