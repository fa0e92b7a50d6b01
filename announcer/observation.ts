import type { ContainerFacts } from './facts.ts';
import type { StaticService } from './services/static-services.ts';

/** What the world said. It may repeat, arrive late, or be missing; the decider draws the conclusions. */
export type Observation = {
  readonly atMs: number;
} /** An inspect: the truth about one container at `atMs`. `cause` is what made us look. */ & (
  | ({ readonly type: 'inspected'; readonly facts: ContainerFacts; readonly cause: string } & CausedAt & Ended)
  /** An inspect that found no such container, or its `destroy`. */
  | ({ readonly type: 'vanished'; readonly container: string; readonly cause: string } & CausedAt & Ended)
  /** A whole list, taken after the event stream stood: what is not in it is gone. */
  | {
      readonly type: 'listed';
      readonly containers: readonly string[];
      /** The edge has looked at each of `unconfirmedLosses`, and they are gone: then even a host's greater part is believed lost. */
      readonly confirmed?: boolean;
    }
  /** An engine event that withdraws at once, before any inspect: `kill` (with its signal), `die`, `oom`, `pause`, `health_status: unhealthy`. */
  | {
      readonly type: 'hinted';
      readonly container: string;
      readonly action: 'kill' | 'die' | 'oom' | 'pause' | 'unhealthy';
      /** Of `kill`. */
      readonly signal?: number;
      /** Of `die`: the kernel had taken a process of this run for want of memory, and it did not end well. */
      readonly outOfMemory?: true;
      /** The engine's own time of it. */
      readonly engineTimeNano: string;
    }
  /** What the checks of one run of a container said; `facts` is the inspect that named the checks. */
  | { readonly type: 'probed'; readonly facts: ContainerFacts; readonly results: readonly ProbeResult[] }
  /** `rollcall drain` and `undrain`: of the whole host, or of these containers. */
  | { readonly type: 'drain-asked'; readonly of: 'host' | readonly string[] }
  | { readonly type: 'undrain-asked'; readonly of: 'host' | readonly string[] }
  /** What a check of the services file says now; `services-read` is told again behind it. */
  | {
      readonly type: 'service-probed';
      /** `static:<name>`. */
      readonly container: string;
      /** As in `ServiceCheck`. */
      readonly probe: string;
      readonly passing: boolean;
      readonly detail: string;
    }
  | ({
      readonly type: 'services-read';
      readonly services: readonly StaticService[];
      /** What made us look at them again, when that is not the file: `check`, `undrain`. */
      readonly cause?: string;
    } & CausedAt)
  /** Told once, at the start, where containers run under this machine's kernel. */
  | { readonly type: 'boot-read'; readonly bootId: string }
  | { readonly type: 'stopping' }
);

interface CausedAt {
  /** When `cause` happened, milliseconds since the epoch; absent when nobody knows. */
  readonly causedAtMs?: number;
}

/** Of a run that no inspect has seen ended, for the next had begun by then, or the container was gone. */
export interface Ended {
  /** What the engine told of its end; absent when it did not, or is not to be believed. */
  readonly endedWith?: number;
  /** The engine told that the kernel took a process of that run for want of memory. */
  readonly outOfMemory?: true;
}

export interface ProbeResult {
  /** Port of the container, as `8080/tcp`. */
  readonly port: string;
  readonly passing: boolean;
  /** For `explain`: `nothing listens on 8080/tcp`, `GET / answered 503`. */
  readonly detail: string;
}
