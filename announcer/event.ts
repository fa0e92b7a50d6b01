import type { EtcdKey } from '../shared/name.ts';
import type { LeaseId } from '../shared/store.ts';

/**
 * What the announcer concluded: past tense, replayable, in its journal. No environment variable of a container may
 * come into an event. `docs/events.md` describes each with its fields.
 */
export type AnnouncerEvent = { readonly atMs: number } & (
  | {
      readonly type: 'AnnouncerStarted';
      readonly host: string;
      readonly owner: string;
      readonly version: string;
      /** The kernel's id of the boot it runs in; absent where that is not known, or the engine is another machine's. */
      readonly bootId?: string;
    }
  | { readonly type: 'AnnouncerStopped'; readonly how: 'withdraw' | 'handover' }
  /** The container's life, for history and audit; also what the damping counts. */
  | (AboutContainer & {
      readonly type: 'ContainerStarted';
      readonly startedAt: string;
      readonly labels: Labels;
      /** The engine's count of restarts by its policy; tells how many deaths were missed. */
      readonly restartCount?: number;
      /** The signal by which `docker stop` ends it, so that a later `kill` can be told from a reload. */
      readonly stopSignal?: number;
      /** Absent when it has none of its own. */
      readonly stopTimeoutSeconds?: number;
    })
  /** Its stop signal was sent: its names go at once, and no inspect before `untilMs` brings them back. */
  | (AboutContainer & {
      readonly type: 'ContainerStopping';
      readonly signal: number;
      readonly untilMs: number;
      readonly engineTimeNano: string;
    })
  /** The signal did not end it within its bound: what inspect says counts again. */
  | (AboutContainer & { readonly type: 'ContainerKeptRunning' })
  | (AboutContainer & {
      readonly type: 'ContainerStopped';
      /** -1 when it was never seen: the next run had begun, the container was gone, or the host was booted. */
      readonly exitCode: number;
      readonly oomKilled: boolean;
      /** Someone asked for it (`docker stop`, `docker restart`, `docker rm -f`): no flap. */
      readonly requested: boolean;
      /** Flap penalty after this stop; 0 when there is none. */
      readonly penalty: number;
      /** Held down from now on, until the penalty has decayed below the reuse limit. */
      readonly suppressed?: boolean;
      readonly restartCount?: number;
    })
  /** The penalty decayed below the reuse limit: no longer held down (RFC 2439). */
  | (AboutContainer & { readonly type: 'ContainerReleased'; readonly penalty: number })
  | (AboutContainer & {
      readonly type: 'ContainerHealthChanged';
      readonly health: 'starting' | 'healthy' | 'unhealthy';
    })
  /** The verdict of an active check of this run changed, or is the first. */
  | (AboutContainer & {
      readonly type: 'ContainerProbed';
      readonly startedAt: string;
      /** As in `ProbeWanted`: `8080/tcp`, or `*` for a check of the whole container. */
      readonly port: string;
      readonly passing: boolean;
      readonly detail: string;
    })
  /** `docker rename`: from now on its name is `containerName`, and `before` may be another one's. */
  | (AboutContainer & { readonly type: 'ContainerRenamed'; readonly before: string })
  /** `rollcall drain`: none of its names until `ContainerUndrained`, its next run, or its removal. */
  | (AboutContainer & { readonly type: 'ContainerDraining' })
  | (AboutContainer & { readonly type: 'ContainerUndrained' })
  /** `rollcall drain --host`: no name of this host, also of what starts later, until `HostUndrained`. */
  | { readonly type: 'HostDraining'; readonly cause: string }
  | { readonly type: 'HostUndrained'; readonly cause: string }
  | (AboutContainer & { readonly type: 'ContainerRemoved' })
  /** A container, or a port of it, that can have no name; the reason names the value, the limit and what to do. */
  | (AboutContainer & { readonly type: 'ContainerRefused'; readonly reason: string })
  /** What a refusal of an entry of the services file complained of is mended; made again, it is said again. */
  | (AboutContainer & { readonly type: 'ContainerRefusalEnded'; readonly reason: string })
  | (AboutInstance & CheckedBy & CausedAt & { readonly type: 'InstanceAnnounced'; readonly value: string })
  | (AboutInstance &
      CheckedBy & {
        readonly type: 'InstanceHeld';
        readonly reason: HoldReason;
        readonly detail: string;
        /** What will be announced when the reason is gone, still without `announcedAt`. */
        readonly value?: string;
      })
  | (AboutInstance &
      CausedAt & { readonly type: 'InstanceWithdrawn'; readonly reason: WithdrawReason; readonly detail: string })
  /** What was held is wanted no more: its address went, or its labels or the settings say otherwise. */
  | (AboutInstance & { readonly type: 'InstanceForgotten' })
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
  | {
      readonly type: 'StoreLost';
      readonly reason: string;
      /** It answers, and refuses us: user, password or role. */
      readonly denied?: true;
    }
  | { readonly type: 'StoreRegained'; readonly awayMs: number }
  | { readonly type: 'EngineLost'; readonly reason: string }
  | { readonly type: 'EngineRegained'; readonly awayMs: number }
  /** The periodic comparison found what the events had not said. */
  | { readonly type: 'DriftFound'; readonly cause: DriftCause; readonly detail: string }
);

export type Labels = Readonly<Record<string, string>>;

/** The events of some types. */
export type EventOf<T extends AnnouncerEvent['type']> = Extract<AnnouncerEvent, { readonly type: T }>;

interface AboutContainer {
  /** Full id; `static:<name>` for a static service. */
  readonly container: string;
  readonly containerName: string;
  readonly image: string;
  /** What was seen that made it so: `docker start`, `docker kill 15`, `health_status: healthy`, `list`, `listening 8080/tcp`, `host boot`. */
  readonly cause: string;
}

interface AboutInstance extends AboutContainer {
  readonly key: EtcdKey;
  /** The service's name, the first label. */
  readonly service: string;
}

interface CausedAt {
  /**
   * When `cause` happened: by the engine's clock of its events, by ours of a check's result or a command. Absent of what a
   * list or a comparison found: nobody saw it happen.
   */
  readonly causedAtMs?: number;
}

/** What its readiness hangs on. */
interface CheckedBy {
  readonly check?: CheckKind;
  /** `port` of the active check; absent when there is none. */
  readonly probe?: string;
}

export type CheckKind = 'none' | 'healthcheck' | 'listening' | 'tcp' | 'http' | 'exec';

export type HoldReason =
  | 'starting' // HEALTHCHECK has not passed yet
  | 'unhealthy'
  | 'not-listening'
  | 'probe-failing'
  | 'paused'
  | 'stopping' // its stop signal was sent
  | 'damped' // crash loop: penalty above the suppress limit
  | 'draining' // by command, it or the whole host
  | 'key-taken'; // another container of this host is announced under the same key

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
