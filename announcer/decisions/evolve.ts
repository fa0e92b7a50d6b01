import type { EtcdKey } from '../../shared/name.ts';
import type { AnnouncerEvent, EventOf, HoldReason } from '../event.ts';
import { evolveContainer } from './evolve-container.ts';
import {
  type AnnouncerState,
  type ContainerState,
  type Hold,
  isWaiting,
  type Lease,
  UNKNOWN_CONTAINER,
} from './state.ts';
import { ttlOf } from './ttl.ts';

/** Folds one event into the state. Total: any event of any journal gives a state, in any order. */
export function evolve(state: AnnouncerState, event: AnnouncerEvent): AnnouncerState {
  switch (event.type) {
    case 'ContainerStarted':
    case 'ContainerStopped':
    case 'ContainerStopping':
    case 'ContainerKeptRunning':
    case 'ContainerDraining':
    case 'ContainerUndrained':
    case 'ContainerReleased':
    case 'ContainerHealthChanged':
    case 'ContainerProbed':
    case 'ContainerRenamed':
    case 'ContainerRefused':
    case 'ContainerRefusalEnded':
      return putContainer(state, event.container, evolveContainer(containerOf(state, event), event));
    case 'HostDraining':
      return { ...state, hostDrainingSinceMs: event.atMs };
    case 'HostUndrained':
      return { ...state, hostDrainingSinceMs: null };
    case 'ContainerRemoved':
      return removeContainer(state, event.container);
    case 'InstanceAnnounced':
      return announced(state, event);
    case 'InstanceHeld':
      return heldBack(state, event);
    case 'InstanceWithdrawn':
      return withdrawn(state, event);
    case 'InstanceForgotten':
      return forgotten(state, event);
    case 'LeaseGranted':
      return putLease(state, event.shard, {
        lease: event.lease,
        ttlSeconds: event.ttlSeconds,
        sinceMs: event.atMs,
      });
    case 'LeaseAdopted':
      return adopted(state, event);
    case 'LeaseLost':
    case 'LeaseRevoked':
      return dropLease(state, event);
    case 'KeyWritten': {
      const { shard, revision } = event;
      const standing = state.standing.set(event.key, { shard, revision });
      return { ...state, standing, conflicts: state.conflicts.remove(event.key) };
    }
    case 'KeyRemoved':
      return {
        ...state,
        standing: state.standing.remove(event.key),
        conflicts: state.conflicts.remove(event.key),
      };
    case 'KeyConflicted':
      return { ...state, conflicts: state.conflicts.set(event.key, event.foundOwner) };
    case 'AnnouncerStarted':
      return { ...state, bootId: event.bootId ?? null };
    case 'AnnouncerStopped':
      return event.how === 'withdraw' ? withoutVerdicts(state) : state;
    case 'StoreLost':
    case 'StoreRegained':
    case 'EngineLost':
    case 'EngineRegained':
    case 'DriftFound':
      return state;
    default:
      return passedOver(state, event);
  }
}

/** What a later version wrote into the journal, this one does not know: an upgrade can be taken back. */
function passedOver(state: AnnouncerState, _event: never): AnnouncerState {
  return state;
}

interface Named {
  readonly container: string;
  readonly containerName: string;
  readonly image: string;
}

/** The container as known, under the name that the event gives it; a blank one when its beginning is not in the journal. */
function containerOf(state: AnnouncerState, { container, containerName, image }: Named): ContainerState {
  const known = state.containers.get(container);
  if (known !== undefined) return known.name === containerName ? known : { ...known, name: containerName };
  return { ...UNKNOWN_CONTAINER, name: containerName, image };
}

function putContainer(state: AnnouncerState, id: string, container: ContainerState): AnnouncerState {
  const containers = state.containers.set(id, container);
  const waiting = isWaiting(container) ? state.waiting.add(id) : state.waiting.remove(id);
  return { ...state, containers, waiting };
}

function removeContainer(state: AnnouncerState, id: string): AnnouncerState {
  const keys = state.containers.get(id)?.keys ?? [];
  return {
    ...state,
    containers: state.containers.remove(id),
    instances: state.instances.removeAll(keys),
    desired: state.desired.removeAll(keys),
    waiting: state.waiting.remove(id),
  };
}

/** Nobody checks any more: the next process, however much later, must not announce on an old verdict. */
function withoutVerdicts(state: AnnouncerState): AnnouncerState {
  return { ...state, containers: state.containers.map((container) => ({ ...container, verdicts: {} })) };
}

function announced(state: AnnouncerState, event: EventOf<'InstanceAnnounced'>): AnnouncerState {
  const { key, service, value, container, atMs: announcedAtMs } = event;
  const known = containerOf(state, event);
  const { [key]: _released, ...held } = known.held;
  const keys = known.keys.includes(key) ? known.keys : [...known.keys, key].sort();
  const check = { check: event.check ?? null, probe: event.probe ?? null };
  const largestTtlSeconds = Math.max(known.largestTtlSeconds, ttlOf(value));
  const previous = state.instances.get(key);
  const cleared =
    previous === undefined || previous.container === container ? state : withoutKey(state, previous.container, key);
  return {
    ...putContainer(cleared, container, { ...known, held, keys, largestTtlSeconds }),
    instances: state.instances.set(key, { container, service, value, announcedAtMs, ...check }),
    desired: state.desired.set(key, value),
  };
}

function heldBack(state: AnnouncerState, event: EventOf<'InstanceHeld'>): AnnouncerState {
  const known = containerOf(state, event);
  const { key, service, reason, detail, value = '', atMs } = event;
  const before = known.held[key];
  // For the same reason, it has been held since then; only what is known of it has changed.
  const sinceMs = before?.reason === reason ? before.sinceMs : atMs;
  const hold: Hold = {
    service,
    reason,
    detail,
    sinceMs,
    value,
    check: event.check ?? null,
    probe: event.probe ?? null,
  };
  return putContainer(state, event.container, { ...known, held: { ...known.held, [key]: hold } });
}

function forgotten(state: AnnouncerState, event: EventOf<'InstanceForgotten'>): AnnouncerState {
  const known = containerOf(state, event);
  const { [event.key]: _forgotten, ...held } = known.held;
  return putContainer(state, event.container, { ...known, held });
}

/** Reasons of a withdrawal that are reasons to hold as well: the instance waits for their end. */
const HOLDING: ReadonlySet<string> = new Set<HoldReason>([
  'unhealthy',
  'not-listening',
  'probe-failing',
  'paused',
  'stopping',
  'damped',
  'draining',
]);

function withdrawn(state: AnnouncerState, event: EventOf<'InstanceWithdrawn'>): AnnouncerState {
  const { key, container, reason, detail, service, atMs: sinceMs } = event;
  const instance = state.instances.get(key);
  const known = containerOf(state, event);
  const keys = known.keys.filter((each) => each !== key);
  const hold: Hold = {
    service,
    reason: reason as HoldReason,
    detail,
    sinceMs,
    value: instance?.value ?? '',
    check: instance?.check ?? null,
    probe: instance?.probe ?? null,
  };
  const held = known.isRunning && HOLDING.has(reason) ? { ...known.held, [key]: hold } : known.held;
  const next = putContainer(state, container, { ...known, keys, held });
  // Another container may have taken the key meanwhile, in a journal that lost a line.
  if (instance !== undefined && instance.container !== container) return next;
  return { ...next, instances: next.instances.remove(key), desired: next.desired.remove(key) };
}

function withoutKey(state: AnnouncerState, id: string, key: EtcdKey): AnnouncerState {
  const known = state.containers.get(id);
  if (known === undefined) return state;
  return putContainer(state, id, { ...known, keys: known.keys.filter((each) => each !== key) });
}

function putLease(state: AnnouncerState, shard: number, lease: Lease): AnnouncerState {
  return { ...state, leases: state.leases.set(shard, lease) };
}

/** An adopted lease keeps the TTL it was granted with; what remains of it is only a lower bound. */
function adopted(state: AnnouncerState, event: EventOf<'LeaseAdopted'>): AnnouncerState {
  const { shard, lease, remainingSeconds, atMs: sinceMs } = event;
  const known = state.leases.get(shard);
  const ttlSeconds = known?.lease === lease ? known.ttlSeconds : remainingSeconds;
  return putLease(state, shard, { lease, ttlSeconds, sinceMs });
}

/** The store drops a lease's keys with it. A shard that has another lease by now keeps that. */
function dropLease(state: AnnouncerState, { shard, lease }: EventOf<'LeaseLost' | 'LeaseRevoked'>): AnnouncerState {
  if (state.leases.get(shard)?.lease !== lease) return state;
  return {
    ...state,
    leases: state.leases.remove(shard),
    standing: state.standing.filter((under) => under.shard !== shard),
  };
}
