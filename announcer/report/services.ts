import { type EtcdKey, type OwnerName, ownerOf } from '../../shared/name.ts';
import { decodeRecord, type ServiceRecord } from '../../shared/record.ts';
import type { AnnouncerState, Instance } from '../decisions/state.ts';
import type { RunKey, RunLabels } from '../run/run-owner.ts';

/** `announced`: stands in the store. `pending`: to be written. `conflicted`: someone else's key stands there. `held`: not ready. */
export type InstanceState = 'announced' | 'pending' | 'conflicted' | 'held';

/** One instance of a service, as `/v1/services` lists it. Times are milliseconds since the epoch. */
export interface ListedInstance {
  readonly service: string;
  /** Its own owner name. */
  readonly name: OwnerName;
  readonly key: EtcdKey;
  readonly state: InstanceState;
  /** Why it is not announced; which owner stands in its way. */
  readonly detail?: string;
  readonly host?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly portName?: string;
  readonly ttlSeconds?: number;
  /** Announced or held since; absent when that cannot be read. */
  readonly sinceMs?: number;
  /** Full id; `static:<name>` of the services file, `run:<service>/<instance>` of `rollcall run`. */
  readonly container: string;
  readonly containerName: string;
  readonly image: string;
  /** In decimal digits; absent while it does not stand in the store. */
  readonly revision?: string;
}

export interface ListedService {
  readonly service: string;
  readonly name: OwnerName;
  readonly instances: readonly ListedInstance[];
}

/**
 * What this announcer announces and holds back, by service, in the order of names; and what else is announced on its
 * host: processes of `rollcall run`, which have their own keys.
 */
export function listServices(
  state: AnnouncerState,
  prefix: string,
  domain: OwnerName,
  runs: Iterable<RunKey> = [],
): ListedService[] {
  const services = new Map<string, ListedInstance[]>();
  for (const instance of [...announcedIn(state, prefix), ...heldIn(state, prefix), ...runsIn(runs, prefix)]) {
    const { service } = instance;
    services.set(service, [...(services.get(service) ?? []), instance]);
  }
  return [...services]
    .sort(([one], [other]) => compare(one, other))
    .map(([service, instances]) => ({
      service,
      name: `${service}.${domain}` as OwnerName,
      instances: instances.sort((one, other) => compare(one.key, other.key)),
    }));
}

/** The service that `text` names: `web`, or its whole name with or without the last dot. */
export function findService(services: readonly ListedService[], text: string): ListedService | undefined {
  const wanted = text.toLowerCase();
  return services.find(({ service, name }) => service === wanted || name === wanted || name === `${wanted}.`);
}

function* announcedIn(state: AnnouncerState, prefix: string): Generator<ListedInstance> {
  for (const [key, instance] of state.instances) {
    const conflict = state.conflicts.get(key);
    const stands = state.standing.get(key);
    const standing: InstanceState =
      conflict !== undefined ? 'conflicted' : stands === undefined ? 'pending' : 'announced';
    yield {
      ...common(key, instance, state, prefix),
      ...recordFields(instance.value),
      state: standing,
      sinceMs: instance.announcedAtMs,
      ...(conflict === undefined
        ? {}
        : { detail: conflict === '' ? 'taken by a key without an owner' : `taken by ${conflict}` }),
      ...(stands === undefined ? {} : { revision: stands.revision }),
    };
  }
}

function* heldIn(state: AnnouncerState, prefix: string): Generator<ListedInstance> {
  for (const [container, { held }] of state.containers) {
    for (const [key, hold] of Object.entries(held)) {
      yield {
        ...common(key as EtcdKey, { container, service: hold.service }, state, prefix),
        ...recordFields(hold.value),
        state: 'held',
        detail: `${hold.reason}: ${hold.detail}`,
        sinceMs: hold.sinceMs,
      };
    }
  }
}

function* runsIn(runs: Iterable<RunKey>, prefix: string): Generator<ListedInstance> {
  for (const { key, service, instance, value, revision } of runs) {
    const decoded = decodeRecord(value);
    const sinceMs = Date.parse((decoded.ok ? decoded.record.announcedAt : undefined) ?? '');
    yield {
      service,
      name: ownerOf(key, prefix) ?? ('' as OwnerName),
      key,
      container: runIdOf({ service, instance }),
      containerName: instance,
      image: '',
      ...recordFields(value),
      state: 'announced',
      detail: 'by `rollcall run`',
      ...(Number.isNaN(sinceMs) ? {} : { sinceMs }),
      revision,
    };
  }
}

/** What stands for a container's id. */
export function runIdOf({ service, instance }: RunLabels): string {
  return `run:${service}/${instance}`;
}

/** Whether it is a container's id, not what stands for one of what does not run in Docker. */
export function isContainer(id: string): boolean {
  return !id.includes(':');
}

function common(
  key: EtcdKey,
  { container, service }: Pick<Instance, 'container' | 'service'>,
  state: AnnouncerState,
  prefix: string,
): Pick<ListedInstance, 'service' | 'name' | 'key' | 'container' | 'containerName' | 'image'> {
  const known = state.containers.get(container);
  return {
    service,
    name: ownerOf(key, prefix) ?? ('' as OwnerName),
    key,
    container,
    containerName: known?.name ?? '',
    image: known?.image ?? '',
  };
}

type RecordFields = Pick<ListedInstance, 'host' | 'port' | 'protocol' | 'portName' | 'ttlSeconds'>;

function recordFields(value: string): RecordFields {
  const decoded = decodeRecord(value);
  const record: ServiceRecord = decoded.ok ? decoded.record : {};
  return {
    ...(record.host === undefined ? {} : { host: record.host }),
    ...(record.port === undefined ? {} : { port: record.port }),
    ...(record.protocol === undefined ? {} : { protocol: record.protocol }),
    ...(record.portName === undefined ? {} : { portName: record.portName }),
    ...(record.ttl === undefined ? {} : { ttlSeconds: record.ttl }),
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
