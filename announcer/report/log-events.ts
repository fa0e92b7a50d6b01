import type { Log, LogFields } from '../../shared/log.ts';
import type { AnnouncerEvent } from '../event.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * The log line of an event; undefined for those whose edge says more about them (the Docker engine, start and stop).
 * The journal has every event; the log has what a person would want to read.
 *
 * @param isHostClaimed nothing is written before
 */
export function logLineOf(event: AnnouncerEvent, isHostClaimed = true): LogLine | undefined {
  switch (event.type) {
    case 'InstanceAnnounced': {
      const doing = isHostClaimed ? 'announcing' : 'once the host is claimed, announcing';
      return info('instance-announced', `${doing} ${addressOf(event.value)} as ${event.service} (${event.cause})`, {
        container: event.containerName,
        key: event.key,
      });
    }
    case 'InstanceWithdrawn':
      return info(
        'instance-withdrawn',
        `withdrawing ${instanceOf(event.key)} of ${event.service}: ${event.reason}, ${event.detail}`,
        {
          container: event.containerName,
          key: event.key,
        },
      );
    case 'InstanceHeld':
      return info(
        'instance-held',
        `not announcing ${instanceOf(event.key)} of ${event.service} yet: ${event.reason}, ${event.detail}`,
        {
          container: event.containerName,
          key: event.key,
        },
      );
    case 'ContainerStopped':
      if (!event.oomKilled) return undefined;
      return warn(
        'container-out-of-memory',
        `${event.containerName} ended with ${event.exitCode}: the kernel took a process of it for want of memory`,
        { container: event.containerName },
      );
    case 'ContainerRefused':
      return warn('container-refused', `${event.containerName} cannot be announced as it is: ${event.reason}`, {
        container: event.containerName,
      });
    case 'ContainerRefusalEnded':
      return info(
        'container-refusal-ended',
        `${event.containerName} is mended; it was refused before: ${event.reason}`,
        {
          container: event.containerName,
        },
      );
    case 'ContainerRenamed':
      return info('container-renamed', `${event.before} is called ${event.containerName} now`, {
        container: event.containerName,
      });
    case 'ContainerDraining':
      return info('container-draining', `${event.containerName} is drained: none of its names until it is undrained`, {
        container: event.containerName,
      });
    case 'ContainerUndrained':
      return info('container-undrained', `${event.containerName} is no longer drained`, {
        container: event.containerName,
      });
    case 'HostDraining':
      return warn('host-draining', 'this host is drained: nothing of it is announced until it is undrained', {});
    case 'HostUndrained':
      return info('host-undrained', 'this host is no longer drained', {});
    case 'ContainerReleased':
      return info(
        'container-released',
        `${event.containerName} is no longer held down: its last death is long enough ago`,
        {
          container: event.containerName,
          penalty: event.penalty,
        },
      );
    default:
      return storeLineOf(event);
  }
}

/** No event: it changes nothing, and lasts until a person mends it. */
export function writeRefused(reason: string): string {
  return `the store refuses what is to be written: ${reason}; tried again and again, and said once`;
}

/** No event either: no name depends on it. */
export function sayCauses(log: Log, isDenied: boolean, message: string): void {
  if (isDenied) log.warn('causes-denied', message);
  else log.info('causes-allowed', message);
}

function storeLineOf(event: AnnouncerEvent): LogLine | undefined {
  switch (event.type) {
    case 'LeaseGranted':
      return debug('lease-granted', `lease ${event.lease} of ${event.ttlSeconds} s for shard ${event.shard}`, {});
    case 'LeaseAdopted':
      return info(
        'lease-adopted',
        `going on with lease ${event.lease} of shard ${event.shard}, which has ${event.remainingSeconds} s left`,
        {},
      );
    case 'LeaseRevoked':
      return debug('lease-revoked', `gave lease ${event.lease} of shard ${event.shard} back`, {});
    case 'LeaseLost':
      return warn(
        'lease-lost',
        `lease ${event.lease} of shard ${event.shard} lost after ${(event.silentMs / 1000).toFixed(1)} s without a keepalive; announcing its keys again under another`,
        { silentMs: event.silentMs },
      );
    case 'KeyWritten':
      return debug('key-written', `${event.key} stands at revision ${event.revision} (${event.cause})`, {});
    case 'KeyRemoved':
      return debug('key-removed', `${event.key} is gone at revision ${event.revision} (${event.cause})`, {});
    case 'KeyConflicted':
      return warn(
        'key-conflicted',
        `${event.key} is ${event.foundOwner === '' ? 'a key without an owner' : `owned by ${event.foundOwner}`}; it is left alone and ours is not announced until that one is removed`,
        { foundOwner: event.foundOwner },
      );
    case 'StoreLost':
      return warn(
        'store-lost',
        `${event.denied ? 'the store refuses us' : 'the store does not answer'}: ${event.reason}; what is announced stays until its lease ends`,
        {},
      );
    case 'StoreRegained':
      return info('store-regained', `the store answers again after ${(event.awayMs / 1000).toFixed(1)} s`, {
        awayMs: event.awayMs,
      });
    case 'DriftFound':
      return warn('drift-found', `${event.cause}: ${event.detail}`, { cause: event.cause });
    default:
      return undefined;
  }
}

/** The last label of the key: a service has several. */
function instanceOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** `192.0.2.1:8080` of a record's value; the value as it is when it is no record. */
function addressOf(value: string): string {
  const { host, port } = JSON.parse(value) as { host?: string; port?: number };
  if (host === undefined) return 'text';
  const address = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? host : `${address}:${port}`;
}

function debug(event: string, message: string, fields: LogFields): LogLine {
  return { level: 'debug', event, message, fields };
}

function info(event: string, message: string, fields: LogFields): LogLine {
  return { level: 'info', event, message, fields };
}

function warn(event: string, message: string, fields: LogFields): LogLine {
  return { level: 'warn', event, message, fields };
}
