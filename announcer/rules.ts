import type { OwnerName } from '../shared/name.ts';
import type { DampingSettings } from './decisions/lifecycle/damping.ts';
import type { HostFacts } from './facts.ts';

/**
 * Which address a container is announced with: the host's private or public one with the published port, or the
 * container's own with the container port.
 */
export type AnnounceAs = 'private' | 'public' | 'container';

/** What the announcer's settings decide, settled once at start. */
export interface AnnounceRules {
  readonly host: HostFacts;
  readonly domain: OwnerName;
  /** Of the store, as `/skydns`. */
  readonly prefix: string;
  /** Written into each value: `<host>/<announcer id>`. */
  readonly owner: string;
  /** Unless `rollcall.as` says otherwise. */
  readonly as: AnnounceAs;
  /** Only containers with a label (or variable) of ours are announced. */
  readonly explicit: boolean;
  /** The record's `ttl` unless `rollcall.ttl` says otherwise. */
  readonly recordTtlSeconds: number;
  readonly damping: DampingSettings;
}
