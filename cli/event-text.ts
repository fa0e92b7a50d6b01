/** An event of either journal as one line for a person. The fields come as JSON from a daemon, perhaps of another version. */
export type EventJson = Readonly<Record<string, unknown>> & { readonly type: string; readonly atMs: number };

/** `2026-11-20T14:32:01.123Z  announced  web  192.0.2.10:8080  docker start …`. */
export function describeEvent(event: EventJson): string {
  const words = WORDS[event.type] ?? plain;
  return `${new Date(event.atMs).toISOString()}  ${words(event)}`;
}

type Words = (event: EventJson) => string;

/** `KeyWritten key=/skydns/… shard=0`: any event that has no sentence of its own. */
const plain: Words = ({ type, atMs: _atMs, sequence: _sequence, source: _source, ...fields }) =>
  [type, ...Object.entries(fields).map(([name, value]) => `${name}=${text(value)}`)].join(' ');

const WORDS: Readonly<Record<string, Words>> = {
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
  ContainerRemoved: (event) => `${container(event)} removed (${text(event.cause)})`,
  ContainerRefused: (event) => `${container(event)} not announced: ${text(event.reason)}`,
  InstanceAnnounced: (event) => `announced  ${text(event.key)} ${endpoint(event.value)}(${cause(event)})`,
  InstanceHeld: (event) =>
    `held       ${text(event.key)} ${text(event.reason)}: ${text(event.detail)} (${cause(event)})`,
  InstanceWithdrawn: (event) =>
    `withdrawn  ${text(event.key)} ${text(event.reason)}: ${text(event.detail)} (${cause(event)})`,
  KeyWritten: (event) => `written    ${text(event.key)} at revision ${text(event.revision)}`,
  KeyRemoved: (event) => `deleted    ${text(event.key)} at revision ${text(event.revision)}`,
  KeyConflicted: (event) => `conflict   ${text(event.key)} belongs to ${text(event.foundOwner) || 'nobody known'}`,
  RecordPut: (event) =>
    `put        ${text(event.key)} ${endpoint(event.value)}at revision ${text(event.revision)}${late(event)}`,
  RecordDeleted: (event) => `deleted    ${text(event.key)} at revision ${text(event.revision)}${late(event)}`,
  ZoneConfirmed: (event) => `zone followed from revision ${text(event.revision)}`,
  StoreLost: (event) => `store lost: ${text(event.reason)}`,
  StoreRegained: (event) => `store regained after ${text(event.awayMs)} ms`,
  EngineLost: (event) => `Docker engine lost: ${text(event.reason)}`,
  EngineRegained: (event) => `Docker engine regained after ${text(event.awayMs)} ms`,
};

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

function container(event: EventJson): string {
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
