import type { JournalGap, Sequenced } from '../../shared/journal/event.ts';
import type { AnnouncerEvent, EventOf, Labels } from '../event.ts';
import type { ContainerBook } from './container-book.ts';
import { cut } from './cut.ts';

/** What happened to a container, or to what is announced of it. `gap`: events are missing here. */
export type SinkAction =
  | 'start'
  | 'healthy'
  | 'unhealthy'
  | 'drain' // someone asked for its names to go
  | 'undrain'
  | 'stop' // its stop signal was sent
  | 'die'
  | 'oom' // died, killed by the kernel for want of memory
  | 'removed'
  | 'refused'
  | 'announced'
  | 'held'
  | 'withdrawn'
  | 'gap';

/**
 * One line of a container's life, for auditors. The names of the fields are those that receivers show: `docs/audit.md`
 * describes each. What is not known is left out. Nothing of a container's environment comes here.
 */
export interface SinkRecord {
  /** RFC 3339 with milliseconds, UTC. */
  readonly '@timestamp': string;
  readonly action: SinkAction;
  readonly host: string;
  /** The event's number in the announcer's journal. */
  readonly sequence: number;
  readonly container_name?: string;
  readonly container_id?: string;
  readonly image?: string;
  readonly service?: string;
  readonly key?: string;
  /** A word of a closed set: `unhealthy`, `stopping`, `requested`. */
  readonly reason?: string;
  /** A sentence for people. */
  readonly detail?: string;
  readonly cause?: string;
  readonly exit_code?: number;
  /** Those on the allow-list; a dot in a name is `_`. */
  readonly labels?: Labels;
  /** Of a gap: the numbers that are missing, both included. */
  readonly gap_from?: number;
  readonly gap_to?: number;
}

/** Why events are missing: what the journal says, or that it has removed them (`expired`) before they were sent. */
export type SinkGap = Omit<JournalGap, 'reason'> & { readonly reason: JournalGap['reason'] | 'expired' };

/** The part of a record that its event alone tells. */
type Told = Pick<SinkRecord, 'action' | 'key' | 'service' | 'reason' | 'detail' | 'exit_code'>;

/** The record of an event; undefined for events that are no part of a container's life. */
export function recordOf(
  { sequence, event }: Sequenced<AnnouncerEvent>,
  host: string,
  book: ContainerBook,
): SinkRecord | undefined {
  const told = toldBy(event);
  if (told === undefined || !('container' in event)) return undefined;
  const { service, labels } = book.of(event.container);
  const { action, ...rest } = told;
  return {
    '@timestamp': timestampOf(event.atMs),
    action,
    host,
    sequence,
    container_name: cut(event.containerName),
    container_id: event.container,
    ...(event.image === '' ? {} : { image: cut(event.image) }),
    ...(service === undefined ? {} : { service }),
    ...rest,
    cause: cut(event.cause),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
}

export function gapRecordOf({ atMs, fromSequence, toSequence, reason }: SinkGap, host: string): SinkRecord {
  return {
    '@timestamp': timestampOf(atMs),
    action: 'gap',
    host,
    sequence: toSequence,
    reason,
    detail: GAP_DETAILS[reason],
    gap_from: fromSequence,
    gap_to: toSequence,
  };
}

const GAP_DETAILS: Readonly<Record<SinkGap['reason'], string>> = {
  unwritable: 'the disk of the journal refused them',
  overflow: 'they came faster than the disk of the journal took them',
  unencodable: 'they have no place in the journal',
  crash: 'the announcer was ended by force: what it had not written yet, if anything, is missing',
  corrupt: 'they cannot be read from the journal',
  expired: 'the journal had removed them before this receiver took them',
};

function toldBy(event: AnnouncerEvent): Told | undefined {
  switch (event.type) {
    case 'ContainerStarted':
      return { action: 'start' };
    case 'ContainerHealthChanged':
      return event.health === 'starting' ? undefined : { action: event.health };
    case 'ContainerStopping':
      return { action: 'stop', reason: 'signal', detail: `signal ${event.signal} was sent to it` };
    case 'ContainerStopped':
      return stopOf(event);
    case 'ContainerDraining':
      return { action: 'drain' };
    case 'ContainerUndrained':
      return { action: 'undrain' };
    case 'ContainerRemoved':
      return { action: 'removed' };
    case 'ContainerRefused':
      return { action: 'refused', detail: cut(event.reason) };
    case 'InstanceAnnounced':
      return { action: 'announced', service: event.service, key: event.key };
    case 'InstanceHeld':
    case 'InstanceWithdrawn': {
      const action = event.type === 'InstanceHeld' ? 'held' : 'withdrawn';
      const { service, key, reason, detail } = event;
      return { action, service, key, reason, detail: cut(detail) };
    }
    // The records of instances tell what these lead to.
    case 'ContainerKeptRunning':
    case 'ContainerReleased':
    case 'ContainerRefusalEnded':
    case 'ContainerProbed':
    case 'ContainerRenamed':
    case 'InstanceForgotten':
    case 'HostDraining':
    case 'HostUndrained':
    // Of the announcer, not of a container.
    case 'AnnouncerStarted':
    case 'AnnouncerStopped':
    case 'LeaseGranted':
    case 'LeaseAdopted':
    case 'LeaseLost':
    case 'LeaseRevoked':
    case 'KeyWritten':
    case 'KeyRemoved':
    case 'KeyConflicted':
    case 'StoreLost':
    case 'StoreRegained':
    case 'EngineLost':
    case 'EngineRegained':
    case 'DriftFound':
      return undefined;
  }
}

function stopOf(event: EventOf<'ContainerStopped'>): Told {
  const { exitCode, oomKilled, requested, penalty, suppressed } = event;
  const isSeen = exitCode >= 0;
  const end = isSeen ? `exited with ${exitCode}` : 'its end was not seen';
  return {
    action: oomKilled ? 'oom' : 'die',
    reason: requested ? 'requested' : 'unrequested',
    detail: suppressed ? `${end}; held down as a crash loop, penalty ${Math.round(penalty)}` : end,
    ...(isSeen ? { exit_code: exitCode } : {}),
  };
}

function timestampOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
