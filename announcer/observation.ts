import type { ContainerFacts } from './facts.ts';
import type { StaticService } from './static-services.ts';

/** What the world said. It may repeat, arrive late, or be missing; the decider draws the conclusions. */
export type Observation = {
  readonly atMs: number;
} & /** An inspect: the truth about one container at `atMs`. `cause` is what made us look. */
(
  | { readonly type: 'inspected'; readonly facts: ContainerFacts; readonly cause: string }
  /** An inspect that found no such container, or its `destroy`. */
  | { readonly type: 'vanished'; readonly container: string; readonly cause: string }
  /** A whole list, taken after the event stream stood: what is not in it is gone. */
  | { readonly type: 'listed'; readonly containers: readonly string[] }
  /** An engine event that withdraws at once, before any inspect: `kill` (with its signal), `die`, `oom`, `pause`, `health_status: unhealthy`. */
  | {
      readonly type: 'hinted';
      readonly container: string;
      readonly action: 'kill' | 'die' | 'oom' | 'pause' | 'unhealthy';
      /** Of `kill`. */
      readonly signal?: number;
      /** The engine's own time of it. */
      readonly engineTimeNano: string;
    }
  /** Which of the ports that {@link AnnouncerState} waits for are in LISTEN, for one run of one container. */
  | {
      readonly type: 'probed';
      readonly container: string;
      readonly startedAt: string;
      readonly results: readonly { readonly check: string; readonly passing: boolean; readonly detail: string }[];
    }
  | { readonly type: 'services-read'; readonly services: readonly StaticService[] }
  /** Time passed: penalties decay. */
  | { readonly type: 'ticked' }
  | { readonly type: 'stopping' }
);
