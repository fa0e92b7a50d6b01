import { hostname } from 'node:os';
import { basename } from 'node:path';
import { CHECK_TIMING_DEFAULTS, type CheckTiming, isHttpPath } from '../../announcer/checks/check-setting.ts';
import { addressProblems, announcerSettings, sourceOf } from '../../announcer/config.ts';
import { findHost } from '../../announcer/host/host.ts';
import { instanceKey } from '../../announcer/naming/candidates.ts';
import { readPorts } from '../../announcer/naming/port-spec.ts';
import { ldhLabel } from '../../announcer/naming/service-name.ts';
import type { ProcessCheck } from '../../announcer/run/process-check.ts';
import { commonSettings } from '../../shared/common-settings.ts';
import { StartError } from '../../shared/component.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { ServiceRecord } from '../../shared/record.ts';
import {
  choiceSetting,
  optionalSetting,
  SettingError,
  secondsSetting,
  setting,
  type ValuesOf,
} from '../../shared/settings.ts';

const { domain, hostName, privateIp, privateIf, publicIp, publicIf, leaseTtl, recordTtl } = announcerSettings;
const { dataDir: _none, ...storeSettings } = commonSettings;

export const runSettings = {
  name: optionalSetting({
    flag: 'name',
    placeholder: 'NAME',
    help: "The service's name, the first label.",
    defaultText: "the command's base name",
  }),
  port: setting<{ readonly number: number; readonly protocol: 'tcp' | 'udp' } | undefined>({
    flag: 'port',
    placeholder: 'PORT[/udp]',
    help: 'That the process serves, and that is announced. Without one, only an address is announced, and nothing is checked.',
    defaultText: 'none',
    bounds: '1 to 65535, with /udp for UDP',
    read: readPort,
    absent: () => undefined,
  }),
  check: setting<ProcessCheck | undefined>({
    flag: 'check',
    placeholder: 'CHECK',
    help: 'What must be true before the process is announced, and as long as it is. listening: it, or a process below it, serves the port, read from /proc without any traffic; tcp and http ask it.',
    defaultText: 'listening; none without a port',
    bounds: 'listening, tcp, http:/path or none',
    read: readCheck,
    absent: () => undefined,
  }),
  instance: optionalSetting({
    flag: 'instance',
    placeholder: 'LABEL',
    help: 'Tells this process from others of the same service on this host: the last label of its key. One that stays the same keeps the key across restarts, and waits for a predecessor that crashed to go.',
    defaultText: 'run-<process id>',
  }),
  as: choiceSetting({
    flag: 'as',
    help: "Announce the host's private or public address.",
    choices: ['private', 'public'],
    default: 'private',
  }),
  drain: secondsSetting({
    flag: 'drain',
    help: 'On SIGTERM, SIGINT and SIGQUIT: wait so long between taking the name away and forwarding the signal. The record TTL and 2 s make sure that no client holds the answer any more; 0 forwards as soon as the name is gone.',
    default: 0,
    min: 0,
    max: 3600,
  }),
  domain,
  hostName,
  privateIp,
  privateIf,
  publicIp,
  publicIf,
  leaseTtl,
  recordTtl,
  ...storeSettings,
};

export interface RunConfig {
  readonly host: string;
  readonly service: string;
  readonly instance: string;
  readonly key: EtcdKey;
  readonly record: ServiceRecord;
  readonly address: string;
  /** `8080/tcp`. */
  readonly port: string | undefined;
  readonly check: ProcessCheck;
  readonly timing: CheckTiming;
}

/** What is asked for, wherever it will be. */
export interface RunWish {
  readonly service: string;
  readonly instance: string;
  readonly check: ProcessCheck;
}

/** What the settings and the command come to. Every problem is added to `problems`. */
export function runWish(
  values: ValuesOf<typeof runSettings>,
  command: string,
  pid: number,
  problems: string[],
): RunWish | undefined {
  const service = ldhLabel(values.name ?? basename(command));
  if (!service.ok) problems.push(`--name=${JSON.stringify(values.name ?? basename(command))}: ${service.reason}`);
  const instance = ldhLabel(values.instance ?? `run-${pid}`);
  if (!instance.ok) problems.push(`--instance=${JSON.stringify(values.instance)}: ${instance.reason}`);
  problems.push(...addressProblems('private', values.privateIp, values.privateIf));
  problems.push(...addressProblems('public', values.publicIp, values.publicIf));
  const { port } = values;
  const check = values.check ?? { kind: port === undefined ? 'none' : 'listening' };
  if (check.kind !== 'none' && port === undefined) problems.push(`--check=${check.kind}: needs a --port to look at`);
  if ((check.kind === 'tcp' || check.kind === 'http') && port?.protocol === 'udp') {
    problems.push(`--check=${check.kind}: cannot ask a UDP port; take listening`);
  }
  if (!service.ok || !instance.ok) return undefined;
  return { service: service.label, instance: instance.label, check };
}

/** The same on this host. Every problem is added to `problems`. @throws {StartError} when it has no such address */
export function runConfig(
  values: ValuesOf<typeof runSettings>,
  { service, instance, check }: RunWish,
  problems: string[],
): RunConfig | undefined {
  const { port } = values;
  const host = findHost({
    hostName: values.hostName,
    privateAddress: sourceOf(values.privateIp, values.privateIf),
    publicAddress: sourceOf(values.publicIp, values.publicIf),
  });
  const found = values.as === 'public' ? host.publicAddress : host.privateAddress;
  if (found === undefined) {
    throw new StartError(`${hostname()} has no ${values.as} address; give --${values.as}-ip or --${values.as}-if`);
  }
  const { address } = found;
  const key = instanceKey(instance, service, { host, domain: values.domain, prefix: values.prefix });
  if (typeof key !== 'string') {
    problems.push(`--name, --domain: ${key.reason}`);
    return undefined;
  }
  const record: ServiceRecord = {
    host: address,
    ttl: values.recordTtl,
    ...(port === undefined ? {} : { port: port.number, protocol: port.protocol }),
  };
  return {
    host: host.name,
    service,
    instance,
    key,
    record,
    address,
    port: port === undefined ? undefined : `${port.number}/${port.protocol}`,
    check,
    timing: { ...CHECK_TIMING_DEFAULTS, intervalMs: check.kind === 'listening' ? LISTENING_MS : ASKING_MS },
  };
}

/** A look at `/proc` costs next to nothing; a request is the service's own work. */
const LISTENING_MS = 1000;
const ASKING_MS = CHECK_TIMING_DEFAULTS.intervalMs;

function readPort(text: string): { number: number; protocol: 'tcp' | 'udp' } {
  const { ports, problems } = readPorts(text);
  const [port] = ports;
  if (port === undefined || ports.length > 1 || problems.length > 0) {
    throw new SettingError('must be one port, as 8080 or 9000/udp');
  }
  return { number: port.containerPort, protocol: port.protocol };
}

function readCheck(text: string): ProcessCheck {
  if (text === 'listening' || text === 'tcp' || text === 'none') return { kind: text };
  const path = /^http:(.*)$/.exec(text)?.[1];
  if (path === undefined || !isHttpPath(path)) throw new SettingError('must be listening, tcp, http:/path or none');
  return { kind: 'http', path };
}
