/** An event of either journal as one line for a person. The fields come as JSON from a daemon, perhaps of another version. */
export type EventJson = Readonly<Record<string, unknown>> & { readonly type: string; readonly atMs: number };

/** `2026-11-20T14:32:01.123Z  announced  web  192.0.2.10:8080  docker start …`. */
export function describeEvent(event: EventJson): string {
  const words = WORDS[event.type] ?? plain;
  return `${new Date(event.atMs).toISOString()}  ${words(event)}`;
}

/**
 * An event that is told after its time, when the causes of changes are known: of a record that went without one, no
 * announcer's transaction took it away.
 */
export function describePastEvent(event: EventJson): string {
  const isUnexplained = event.type === 'RecordDeleted' && event.explained === undefined && event.late !== true;
  return `${describeEvent(event)}${isUnexplained ? UNEXPLAINED : ''}`;
}

const UNEXPLAINED = ', no cause told, as of a lease that ended or was revoked';

type Words = (event: EventJson) => string;

/** `KeyWritten key=/skydns/… shard=0`: any event that has no sentence of its own. */
const plain: Words = ({ type, atMs: _atMs, sequence: _sequence, source: _source, ...fields }) =>
  [type, ...Object.entries(fields).map(([name, value]) => `${name}=${text(value)}`)].join(' ');

const WORDS: Readonly<Record<string, Words>> = {
  AnnouncerStarted: (event) => `announcer of ${text(event.host)} started, version ${text(event.version)}`,
  AnnouncerStopped: (event) =>
    `announcer stopped: ${event.how === 'handover' ? 'names left to its successor' : 'names withdrawn'}`,
  ResolverStarted: (event) =>
    `resolver started, version ${text(event.version)}${
      typeof event.confirmedAtMs === 'number'
        ? `; its zone was last known to be true at ${new Date(event.confirmedAtMs).toISOString()}`
        : ''
    }`,
  ResolverStopped: () => 'resolver stopped',
  ContainerStarted: (event) => `${container(event)} started (${text(event.cause)})`,
  ContainerStopping: (event) => `${container(event)} is stopping: signal ${text(event.signal)} (${text(event.cause)})`,
  ContainerDraining: (event) => `${container(event)} drained (${text(event.cause)})`,
  ContainerUndrained: (event) => `${container(event)} no longer drained (${text(event.cause)})`,
  HostDraining: (event) => `the whole host drained (${text(event.cause)})`,
  HostUndrained: (event) => `the host no longer drained (${text(event.cause)})`,
  ContainerKeptRunning: (event) => `${container(event)} runs on in spite of the signal`,
  ContainerStopped: (event) =>
    `${container(event)} stopped with ${exitCode(event)}${event.oomKilled === true ? ', out of memory' : ''}${
      event.requested === true ? ', as asked' : ''
    }${event.suppressed === true ? `; held down, penalty ${text(event.penalty)}` : ''} (${text(event.cause)})`,
  ContainerReleased: (event) => `${container(event)} is no longer held down; penalty ${text(event.penalty)}`,
  ContainerHealthChanged: (event) => `${container(event)} is ${text(event.health)}`,
  ContainerProbed: (event) =>
    `${container(event)} check of ${text(event.port)} ${event.passing === true ? 'passes' : 'fails'}: ${text(event.detail)}`,
  ContainerRenamed: (event) => `${container(event)} was called ${text(event.before)} before (${text(event.cause)})`,
  ContainerRemoved: (event) => `${container(event)} removed (${text(event.cause)})`,
  ContainerRefused: (event) => `${container(event)} cannot be announced as it is: ${text(event.reason)}`,
  ContainerRefusalEnded: (event) => `${container(event)} is mended; it was refused before: ${text(event.reason)}`,
  InstanceAnnounced: (event) => `announced  ${text(event.key)} ${endpoint(event.value)}(${cause(event)})`,
  InstanceHeld: (event) =>
    `held       ${text(event.key)} ${text(event.reason)}: ${text(event.detail)} (${cause(event)})`,
  InstanceWithdrawn: (event) =>
    `withdrawn  ${text(event.key)} ${text(event.reason)}: ${text(event.detail)} (${cause(event)})`,
  KeyWritten: (event) => `written    ${text(event.key)} at revision ${text(event.revision)}`,
  KeyRemoved: (event) => `removed    ${text(event.key)} at revision ${text(event.revision)}`,
  KeyConflicted: (event) => `conflict   ${text(event.key)} belongs to ${text(event.foundOwner) || 'nobody known'}`,
  RecordPut: (event) =>
    `put        ${text(event.key)} ${endpoint(event.value)}at revision ${text(event.revision)}${late(event)}${explained(event)}`,
  RecordDeleted: (event) =>
    `deleted    ${text(event.key)} at revision ${text(event.revision)}${late(event)}${explained(event)}`,
  ChangeExplained: (event) =>
    `because    ${text(event.key)} at revision ${text(event.revision)} ${text(event.write)}: ${describeExplanation(event)}`,
  ChangeAnswered: (event) =>
    `answered   ${text(event.key)} at revision ${text(event.revision)}: first ${text(event.question)}, ${text(event.outcome)}, after ${text(event.afterMs)} ms`,
  ZoneConfirmed: (event) => `zone followed from revision ${text(event.revision)}`,
  StoreLost: (event) => `store lost: ${text(event.reason)}`,
  StoreRegained: (event) => `store regained after ${text(event.awayMs)} ms`,
  EngineLost: (event) => `Docker engine lost: ${text(event.reason)}`,
  EngineRegained: (event) => `Docker engine regained after ${text(event.awayMs)} ms`,
};

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

function container(event: Readonly<Record<string, unknown>>): string {
  const name = text(event.containerName);
  return `container ${text(event.container).slice(0, 12)}${name === '' ? '' : ` (${name})`}`;
}

function cause(event: EventJson): string {
  return `${container(event)}, ${text(event.cause)}`;
}

function exitCode(event: EventJson): string {
  return event.exitCode === -1 ? 'an exit code that was not seen' : `exit code ${text(event.exitCode)}`;
}

function late(event: EventJson): string {
  return event.late === true ? ', observed late' : '';
}

/** `: docker kill 15 at 2026-11-20T14:32:01.120Z, container 3f2a9c01d4e7 (web-1) on node-1`. */
function explained(event: EventJson): string {
  const { explained: given } = event;
  if (typeof given !== 'object' || given === null) return '';
  return `: ${describeExplanation(given as Readonly<Record<string, unknown>>)}`;
}

/** `docker kill 15 at 2026-11-20T14:32:01.120Z, container 3f2a9c01d4e7 (web-1) on node-1`: the `explained` of a change. */
export function describeExplanation(given: Readonly<Record<string, unknown>>): string {
  const { cause: why, causedAtMs, container: id, containerName, host } = given;
  const when = typeof causedAtMs === 'number' ? ` at ${new Date(causedAtMs).toISOString()}` : '';
  const what = id === undefined ? '' : `${container({ container: id, containerName })} `;
  return `${text(why)}${when}, ${what}on ${text(host)}`;
}

/** `192.0.2.10:8080 ` of a record's value, with the space behind it; nothing when it has no host. */
function endpoint(value: unknown): string {
  if (typeof value !== 'string') return '';
  try {
    const { host, port } = JSON.parse(value) as { host?: unknown; port?: unknown };
    if (typeof host !== 'string') return '';
    return typeof port === 'number' ? `${host.includes(':') ? `[${host}]` : host}:${port} ` : `${host} `;
  } catch {
    return 'no JSON ';
  }
}
