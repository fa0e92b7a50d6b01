import {
  CHECK_FORMS,
  CHECK_TIMING_DEFAULTS,
  type CheckSetting,
  type CheckTiming,
  readCheckSetting,
  shownCheck,
} from '../checks/check-setting.ts';
import type { ContainerFacts } from '../facts.ts';
import type { AnnounceAs } from '../rules.ts';
import { type ContainerPort, portText, readPorts } from './port-spec.ts';
import { type RegistratorField, RegistratorSettings } from './registrator.ts';
import { nearest } from './suggestion.ts';
import { quoted, shortened, TOLD_MAX, tellFirst } from './told.ts';

/** What labels say of the record itself. */
export interface RecordLabels {
  readonly priority?: number;
  readonly weight?: number;
  readonly ttl?: number;
  readonly text?: string;
  readonly group?: string;
  readonly mail?: boolean;
  readonly targetstrip?: number;
}

/** A container's own settings: its `rollcall.*` labels and registrator's fields. */
export interface ContainerSettings {
  /** It has a label or variable of ours, whatever that says. */
  readonly isLabelled: boolean;
  /** `rollcall.announce`; undefined when it is not given, or is a fault. */
  readonly announce: boolean | undefined;
  readonly name: string | undefined;
  /** Of `rollcall.name.<port or port name>`, by what follows the last dot. */
  readonly portNames: ReadonlyMap<string, string>;
  /** Of `rollcall.port` and `rollcall.port.<name>`; undefined when there is neither. */
  readonly ports: readonly ContainerPort[] | undefined;
  readonly as: AnnounceAs | undefined;
  readonly network: string | undefined;
  readonly check: CheckSetting;
  readonly checkPort: string | undefined;
  readonly timing: CheckTiming;
  readonly record: RecordLabels;
  /** The record's text is `rollcall.text`, not registrator's tags. */
  readonly isTextOurs: boolean;
  readonly registrator: RegistratorSettings;
  /** A label whose value is left out; the announcement stands without it. */
  readonly problems: readonly string[];
  /** A label without whose value an announcement would be wrong: there is none. */
  readonly faults: readonly string[];
}

const PREFIX = 'rollcall.';
const CHECK_LABEL = `${PREFIX}check`;

export type Read<T> = { readonly value: T } | { readonly problem: string };
type Reader<T> = (text: string) => Read<T>;

const DAY_SECONDS = 86_400;
const TEXT_OCTETS_MAX = 1024;
const GROUP_OCTETS_MAX = 63;

/** The record's fields. 0 is the peers' mark of an absent field, so it cannot be asked for. */
const RECORD_READERS: { readonly [K in keyof RecordLabels]-?: Reader<NonNullable<RecordLabels[K]>> } = {
  priority: integer(1, 65_535, '; 0 would be read as absent, which is 10'),
  weight: integer(1, 65_535, '; 0 would be read as absent, which is 100'),
  ttl: integer(1, DAY_SECONDS, ' seconds'),
  text: text(TEXT_OCTETS_MAX),
  group: text(GROUP_OCTETS_MAX),
  mail: readBoolean,
  targetstrip: integer(0, 127, ' labels'),
};

const TIMING_READERS: Readonly<Record<string, readonly [keyof CheckTiming, Reader<number>]>> = {
  'check.interval': ['intervalMs', duration(250, 3_600_000)],
  'check.timeout': ['timeoutMs', duration(50, 60_000)],
  'check.rise': ['rise', integer(1, 100, ' results in a row')],
  'check.fall': ['fall', integer(1, 100, ' results in a row')],
};

const NAMES: readonly string[] = [
  'announce',
  'announce_as',
  'as',
  'check',
  'check.port',
  'name',
  'network',
  'port',
  ...Object.keys(RECORD_READERS),
  ...Object.keys(TIMING_READERS),
];

/** As events may show them: of `rollcall.check` no command and no value of a query, which may be secrets. */
export function shownLabels(labels: ContainerFacts['labels']): ContainerFacts['labels'] {
  const check = labels[CHECK_LABEL];
  return check === undefined ? labels : { ...labels, [CHECK_LABEL]: shownCheck(check) };
}

/** Every label but those with a part to choose (`rollcall.port.<name>`, `rollcall.name.<port>`); the manual has each. */
export const LABEL_NAMES: readonly string[] = NAMES.map((name) => PREFIX + name);

/** Reads what a container says of itself. Never throws: a label that cannot be read is a sentence that says so. */
export function readLabels(facts: ContainerFacts): ContainerSettings {
  const registrator = new RegistratorSettings(facts);
  const labels = new Map(
    Object.entries(facts.labels)
      .filter(([name]) => name.startsWith(PREFIX))
      .map(([name, value]) => [name.slice(PREFIX.length), value.trim()] as const),
  );
  const reading = new Reading(labels);
  const timing = readTiming(reading);
  const own = readRecord(reading);
  return {
    isLabelled: labels.size > 0 || !registrator.isEmpty,
    announce: reading.required('announce', readBoolean),
    name: reading.optional('name', anyText),
    portNames: reading.family('name'),
    ports: readPortLabels(reading),
    as: reading.required('as', readAs) ?? reading.required('announce_as', readAs),
    network: reading.optional('network', anyText),
    check: reading.required('check', readCheck) ?? { kind: 'auto' },
    checkPort: reading.required('check.port', anyText),
    timing,
    record: withTags(own, reading, registrator),
    isTextOurs: own.text !== undefined,
    registrator,
    problems: [...reading.problems, ...reading.unknown()],
    faults: reading.faults,
  };
}

/** The labels, which of them have been asked for, and what was wrong with them. */
class Reading {
  readonly problems: string[] = [];
  readonly faults: string[] = [];
  readonly #labels: ReadonlyMap<string, string>;
  readonly #families: string[] = [];

  constructor(labels: ReadonlyMap<string, string>) {
    this.#labels = labels;
  }

  /** An empty value is an absent one: Compose files leave it when a variable is unset. */
  #read<T>(name: string, reader: Reader<T>, complaints: string[]): T | undefined {
    const given = this.#labels.get(name);
    if (given === undefined || given === '') return undefined;
    const read = reader(given);
    if ('value' in read) return read.value;
    const shown = name === 'check' ? shownCheck(given) : given;
    complaints.push(`${PREFIX}${name}=${quoted(shown)}: ${read.problem}`);
    return undefined;
  }

  optional<T>(name: string, reader: Reader<T>): T | undefined {
    return this.#read(name, reader, this.problems);
  }

  required<T>(name: string, reader: Reader<T>): T | undefined {
    return this.#read(name, reader, this.faults);
  }

  /** `<name>.<member>` labels, by member. */
  family(name: string): ReadonlyMap<string, string> {
    const start = `${name}.`;
    this.#families.push(start);
    const members = [...this.#labels].filter(([label, value]) => label.startsWith(start) && value !== '');
    return new Map(members.map(([label, value]) => [label.slice(start.length).toLowerCase(), value]));
  }

  unknown(): string[] {
    const labels = [...this.#labels.keys()].filter(
      (label) => !NAMES.includes(label) && !this.#families.some((start) => label.startsWith(start)),
    );
    const tell = (label: string): string => {
      const close = nearest(label, NAMES);
      const hint = close === undefined ? '' : `; did you mean ${PREFIX}${close}?`;
      return `${PREFIX}${shortened(label)} is no label of rollcall's${hint}`;
    };
    return tellFirst(labels, TOLD_MAX, tell, "more labels that are none of rollcall's");
  }
}

function readPortLabels(reading: Reading): readonly ContainerPort[] | undefined {
  const given = reading.optional('port', anyText);
  const named = reading.family('port');
  if (given === undefined && named.size === 0) return undefined;
  const ports = new Map<string, ContainerPort>();
  const taken: string[] = [];
  const take = (label: string, value: string, portName?: string): void => {
    const read = readPorts(value);
    reading.faults.push(...read.problems.map((problem) => `${label}=${quoted(value)}: ${problem}`));
    for (const port of read.ports) {
      const text = portText(port);
      const before = ports.get(text)?.portName;
      if (before === undefined) ports.set(text, portName === undefined ? port : { ...port, portName });
      else taken.push(`${label}=${quoted(value)}: ${text} is named ${before} already, and a port has one name`);
    }
  };
  if (given !== undefined) take(`${PREFIX}port`, given);
  // In an order of their own: the first name stands, whatever the engine's order.
  for (const [member, value] of [...named].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const label = `${PREFIX}port.${shortened(member)}`;
    if (/^(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?$/.test(member)) take(label, value, member);
    else reading.faults.push(`${label}: a port's name is letters, digits and hyphens, at least one letter, at most 62`);
  }
  reading.problems.push(...tellFirst(taken, TOLD_MAX, (problem) => problem, 'more names for ports that have one'));
  return [...ports.values()];
}

function readTiming(reading: Reading): CheckTiming {
  const timing: Record<keyof CheckTiming, number> = { ...CHECK_TIMING_DEFAULTS };
  for (const [label, [field, reader]] of Object.entries(TIMING_READERS)) {
    timing[field] = reading.optional(label, reader) ?? timing[field];
  }
  return timing;
}

function readRecord(reading: Reading): RecordLabels {
  const record: Record<string, unknown> = {};
  for (const [field, reader] of Object.entries(RECORD_READERS)) {
    const value = reading.optional(field, reader as Reader<unknown>);
    if (value !== undefined && value !== 0) record[field] = value;
  }
  return record;
}

/** registrator's tags become the TXT data: nothing else of a DNS answer could carry them. */
function withTags(own: RecordLabels, reading: Reading, registrator: RegistratorSettings): RecordLabels {
  const tags = registrator.field('TAGS');
  if (tags === undefined || own.text !== undefined) return own;
  const read = readTags(tags);
  if ('value' in read) return { ...own, text: read.value };
  reading.problems.push(read.problem);
  return own;
}

/** What registrator's `SERVICE_<port>_TAGS` say of one port; undefined when there are none, or rollcall's own text is given. */
export function readPortTags(
  port: ContainerPort,
  { registrator, isTextOurs }: ContainerSettings,
): Read<string> | undefined {
  const tags = isTextOurs ? undefined : registrator.field('TAGS', port);
  return tags?.ofPort ? readTags(tags) : undefined;
}

function readTags({ source, value }: RegistratorField): Read<string> {
  const problem = problemOfField('text', value);
  return problem === undefined ? { value } : { problem: `${source}: ${problem}` };
}

/** The fields of a record that a bad value costs alone: as a label, and in an entry of the services file. */
export const RECORD_FIELDS = Object.keys(RECORD_READERS) as readonly (keyof RecordLabels)[];

/** What is wrong with a record's field, by the bounds of its label; undefined when nothing is. */
export function problemOfField(field: keyof RecordLabels, given: string): string | undefined {
  const read = RECORD_READERS[field](given);
  return 'problem' in read ? read.problem : undefined;
}

function readAs(given: string): Read<AnnounceAs> {
  const as = given.toLowerCase();
  if (as === 'private' || as === 'public' || as === 'container') return { value: as };
  return { problem: 'must be private, public or container' };
}

function readCheck(given: string): Read<CheckSetting> {
  const value = readCheckSetting(given);
  return value === undefined ? { problem: `must be ${CHECK_FORMS}` } : { value };
}

function readBoolean(given: string): Read<boolean> {
  if (/^(?:true|1|yes|on)$/i.test(given)) return { value: true };
  if (/^(?:false|0|no|off)$/i.test(given)) return { value: false };
  return { problem: 'must be true or false (or yes, on, 1, no, off, 0)' };
}

function anyText(given: string): Read<string> {
  return { value: given };
}

function text(octetsMax: number): Reader<string> {
  return (given) => {
    const octets = Buffer.byteLength(given, 'utf8');
    return octets <= octetsMax ? { value: given } : { problem: `has ${octets} octets; at most ${octetsMax}` };
  };
}

function integer(min: number, max: number, unit: string): Reader<number> {
  return (given) => {
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max ? { value } : { problem: `must be ${min} to ${max}${unit}` };
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, '': 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `5s`, `1m`; a bare number is seconds. */
function duration(minMs: number, maxMs: number): Reader<number> {
  return (given) => {
    const match = /^(\d{1,7})(ms|s|m|h|)$/i.exec(given);
    const value =
      match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[(match[2] ?? '').toLowerCase()] ?? Number.NaN);
    if (value >= minMs && value <= maxMs) return { value };
    return { problem: `must be ${minMs} ms to ${maxMs / 1000} s, as 500ms, 5s or 1m` };
  };
}
