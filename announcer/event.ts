import type { EtcdKey } from '../shared/name.ts';
import type { LeaseId } from '../shared/store.ts';

/**
 * What the announcer concluded: past tense, replayable, in its journal. No environment variable of a container may
 * come into an event. `docs/events.md` describes each with its fields.
 */
export type AnnouncerEvent = { readonly atMs: number } & (
  | { readonly type: 'AnnouncerStarted'; readonly host: string; readonly owner: string; readonly version: string }
  | { readonly type: 'AnnouncerStopped'; readonly how: 'withdraw' | 'handover' }
  /** The container's life, for history and audit; also what the damping counts. */
  | (AboutContainer & { readonly type: 'ContainerStarted'; readonly startedAt: string; readonly labels: Labels })
  | (AboutContainer & {
      readonly type: 'ContainerStopped';
      readonly exitCode: number;
      readonly oomKilled: boolean;
      /** Someone asked for it (`docker stop`, `docker restart`, `docker rm -f`): no flap. */
      readonly requested: boolean;
      /** Flap penalty after this stop; 0 when there is none. */
      readonly penalty: number;
    })
  | (AboutContainer & {
      readonly type: 'ContainerHealthChanged';
      readonly health: 'starting' | 'healthy' | 'unhealthy';
    })
  | (AboutContainer & { readonly type: 'ContainerRemoved' })
  /** A container, or a port of it, that can have no name; the reason names the value, the limit and what to do. */
  | (AboutContainer & { readonly type: 'ContainerRefused'; readonly reason: string })
  | (AboutInstance & { readonly type: 'InstanceAnnounced'; readonly value: string })
  | (AboutInstance & { readonly type: 'InstanceHeld'; readonly reason: HoldReason; readonly detail: string })
  | (AboutInstance & { readonly type: 'InstanceWithdrawn'; readonly reason: WithdrawReason; readonly detail: string })
  | { readonly type: 'LeaseGranted'; readonly lease: LeaseId; readonly shard: number; readonly ttlSeconds: number }
  | {
      readonly type: 'LeaseAdopted';
      readonly lease: LeaseId;
      readonly shard: number;
      readonly remainingSeconds: number;
    }
  | { readonly type: 'LeaseLost'; readonly lease: LeaseId; readonly shard: number; readonly silentMs: number }
  | { readonly type: 'LeaseRevoked'; readonly lease: LeaseId; readonly shard: number }
  /** A key of ours stands under a lease: written, or found as it should be after a restart. */
  | {
      readonly type: 'KeyWritten';
      readonly key: EtcdKey;
      readonly shard: number;
      readonly revision: string;
      readonly cause: string;
    }
  | { readonly type: 'KeyRemoved'; readonly key: EtcdKey; readonly revision: string; readonly cause: string }
  /** Someone else's key stands where ours should: never overwritten. */
  | { readonly type: 'KeyConflicted'; readonly key: EtcdKey; readonly foundOwner: string }
  | { readonly type: 'StoreLost'; readonly reason: string }
  | { readonly type: 'StoreRegained'; readonly awayMs: number }
  | { readonly type: 'EngineLost'; readonly reason: string }
  | { readonly type: 'EngineRegained'; readonly awayMs: number }
  /** The periodic comparison found what the events had not said. */
  | { readonly type: 'DriftFound'; readonly cause: DriftCause; readonly detail: string }
);

export type Labels = Readonly<Record<string, string>>;

interface AboutContainer {
  /** Full id; `static:<name>` for a static service. */
  readonly container: string;
  readonly containerName: string;
  readonly image: string;
  /** What was seen that made it so: `docker start`, `docker kill 15`, `health_status: healthy`, `list`, `listening 8080/tcp`. */
  readonly cause: string;
}

interface AboutInstance extends AboutContainer {
  readonly key: EtcdKey;
  /** The service's name, the first label. */
  readonly service: string;
}

export type HoldReason =
  | 'starting' // HEALTHCHECK has not passed yet
  | 'unhealthy'
  | 'not-listening'
  | 'probe-failing'
  | 'paused'
  | 'stopping' // its stop signal was sent
  | 'damped' // crash loop: penalty above the suppress limit
  | 'draining';

export type WithdrawReason =
  | 'stopping'
  | 'died'
  | 'paused'
  | 'unhealthy'
  | 'oom'
  | 'not-listening'
  | 'probe-failing'
  | 'disconnected' // its network, so its address
  | 'renamed'
  | 'relabelled' // the container, settings or service file say otherwise now
  | 'removed'
  | 'gone' // not in the engine's list
  | 'damped'
  | 'draining'
  | 'announcer-stopped';

export type DriftCause =
  | 'missed-start'
  | 'missed-stop'
  | 'missed-change'
  | 'key-missing'
  | 'key-edited'
  | 'key-unclaimed'
  | 'key-foreign';
