/**
 * Settings, each in one place: flag, environment variable, default, bounds, trade-off. A wrong setting never hides
 * another: every problem is reported at once.
 */
import { isIP } from 'node:net';
import { type HostPort, parseHostPort } from './address.ts';
import { type OwnerName, parseName } from './name.ts';
import { withoutSecrets } from './redaction.ts';

/** The texts of flags as the command line gives them, by flag name without `--`. */
export type GivenFlags = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Setting<T> {
  /** Without `--`. */
  readonly flag: string;
  /** As in `--help`: `SECONDS`; empty for a switch. */
  readonly placeholder: string;
  /** What it does, then the trade-off; the default and the bounds are added from the other fields. */
  readonly help: string;
  /** As `--help` prints it. */
  readonly defaultText: string;
  /** As `--help` prints it; empty when anything is taken. */
  readonly bounds: string;
  /** May be given several times; a comma separates in the environment variable, and on the command line too. */
  readonly repeatable: boolean;
  /** Read after `ROLLCALL_<FLAG>`. */
  readonly fallbackVariables: readonly string[];
  /** @throws {SettingError} whose message completes `--flag="text": …` and shows no secret of the text; {SettingItemsError} with such a message for each item */
  readonly read: (texts: readonly string[]) => T;
  readonly absent: () => T;
}

export class SettingError extends Error {
  override readonly name = 'SettingError';
  /** What the report repeats instead of what was given, which may hold a secret. */
  readonly shown: string | undefined;
  constructor(message: string, { shown, ...options }: ErrorOptions & { readonly shown?: string } = {}) {
    super(message, options);
    this.shown = shown;
  }
}

/** Each wrong item of a list: `shown` is what the report repeats of it, which must be no secret. */
export class SettingItemsError extends Error {
  override readonly name = 'SettingItemsError';
  readonly items: readonly { readonly shown: string; readonly problem: string }[];
  constructor(items: SettingItemsError['items']) {
    super(items.map(({ shown, problem }) => `${JSON.stringify(shown)}: ${problem}`).join('; '));
    this.items = items;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds settings of every type
export type SettingsTable = Readonly<Record<string, Setting<any>>>;
export type ValuesOf<T extends SettingsTable> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never };

export type SettingsRead<T extends SettingsTable> =
  | { readonly ok: true; readonly values: ValuesOf<T> }
  | {
      readonly ok: false;
      readonly problems: readonly string[];
      /** So that the others can be looked at together: a wrong one has its default here. */
      readonly values: ValuesOf<T>;
      /** The flags of the wrong ones, without `--`. */
      readonly wrong: readonly string[];
    };

/** `--lease-ttl` is `ROLLCALL_LEASE_TTL`. */
export function variableOf(setting: Pick<Setting<unknown>, 'flag'>): string {
  return `ROLLCALL_${setting.flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * A flag wins over its environment variable, which wins over the default. An empty variable counts as none, as is usual;
 * an empty flag is a problem: whoever wrote it meant something, most often a variable of a shell that is not set.
 */
export function readSettings<T extends SettingsTable>(
  table: T,
  flags: GivenFlags,
  environment: Environment,
): SettingsRead<T> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const wrong: string[] = [];
  for (const [name, setting] of Object.entries(table)) {
    const read = readSetting(setting, flags, environment);
    values[name] = read.value;
    if (read.problems.length === 0) continue;
    problems.push(...read.problems);
    wrong.push(setting.flag);
  }
  const all = values as ValuesOf<T>;
  return problems.length > 0 ? { ok: false, problems, values: all, wrong } : { ok: true, values: all };
}

function readSetting<T>(
  setting: Setting<T>,
  flags: GivenFlags,
  environment: Environment,
): { readonly value: T; readonly problems: readonly string[] } {
  const given = givenTexts(setting, flags, environment);
  if (given === undefined) return { value: setting.absent(), problems: [] };
  if (given.nothing !== undefined) {
    const problem = `${given.source}=${JSON.stringify(given.nothing)}: ${nothingText(setting)}`;
    return { value: setting.absent(), problems: [problem] };
  }
  try {
    return { value: setting.read(given.texts), problems: [] };
  } catch (error) {
    return { value: setting.absent(), problems: problemsOf(error, given) };
  }
}

function nothingText({ placeholder, defaultText }: Setting<unknown>): string {
  return `names nothing; give ${placeholder}, or leave it out (default: ${defaultText})`;
}

interface GivenTexts {
  readonly source: string;
  readonly texts: readonly string[];
  /** As given: a text that is empty, or a list without an item. */
  readonly nothing: string | undefined;
}

function problemsOf(error: unknown, { source, texts }: GivenTexts): string[] {
  if (error instanceof SettingError) {
    return [`${source}=${JSON.stringify(error.shown ?? texts.map(withoutSecrets).join(','))}: ${error.message}`];
  }
  if (!(error instanceof SettingItemsError)) throw error;
  return error.items.map(({ shown, problem }) => `${source}=${JSON.stringify(shown)}: ${problem}`);
}

function givenTexts(setting: Setting<unknown>, flags: GivenFlags, environment: Environment): GivenTexts | undefined {
  const flag = flags[setting.flag];
  if (flag !== undefined) {
    const texts = typeof flag === 'boolean' ? [String(flag)] : typeof flag === 'string' ? [flag] : flag;
    return itemsOf(setting, `--${setting.flag}`, texts);
  }
  for (const variable of [variableOf(setting), ...setting.fallbackVariables]) {
    const text = environment[variable];
    if (text !== undefined && text !== '') return itemsOf(setting, variable, [text]);
  }
  return undefined;
}

function itemsOf({ repeatable }: Setting<unknown>, source: string, given: readonly string[]): GivenTexts {
  const items = given.map((text) => (repeatable ? splitCommas(text) : text === '' ? [] : [text]));
  return { source, texts: items.flat(), nothing: given.find((_text, at) => items[at]?.length === 0) };
}

function splitCommas(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

interface Common {
  readonly flag: string;
  readonly help: string;
  readonly fallbackVariables?: readonly string[];
}

/** The general form; the functions below cover the usual types. */
export function setting<T>(
  common: Common & {
    readonly placeholder: string;
    readonly defaultText: string;
    readonly bounds?: string;
    readonly read: (text: string) => T;
    readonly absent: () => T;
  },
): Setting<T> {
  return {
    fallbackVariables: [],
    bounds: '',
    ...common,
    repeatable: false,
    read: (texts) => common.read(texts.at(-1) ?? ''),
  };
}

/** A setting that may be given several times; `read` gets one item. */
export function listSetting<T>(
  common: Common & {
    readonly placeholder: string;
    readonly defaultText: string;
    readonly bounds?: string;
    readonly read: (text: string) => T;
    readonly absent: () => readonly T[];
  },
): Setting<readonly T[]> {
  return {
    fallbackVariables: [],
    bounds: '',
    ...common,
    repeatable: true,
    read: (texts) => readItems(texts, common.read),
  };
}

/** @throws {SettingItemsError} with each that is wrong */
function readItems<T>(texts: readonly string[], read: (text: string) => T): readonly T[] {
  const items: T[] = [];
  const wrong: { shown: string; problem: string }[] = [];
  for (const text of texts) {
    try {
      items.push(read(text));
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      wrong.push({ shown: error.shown ?? text, problem: error.message });
    }
  }
  if (wrong.length > 0) throw new SettingItemsError(wrong);
  return items;
}

export function textSetting(common: Common & { placeholder: string; default: string }): Setting<string> {
  return setting({
    ...common,
    defaultText: common.default,
    read: (text) => text,
    absent: () => common.default,
  });
}

/** Text that may be left out. */
export function optionalSetting(
  common: Common & { placeholder: string; defaultText: string },
): Setting<string | undefined> {
  return setting<string | undefined>({ ...common, read: (text) => text, absent: () => undefined });
}

export function switchSetting(common: Common): Setting<boolean> {
  return setting({
    ...common,
    placeholder: '',
    defaultText: 'off',
    read: (text) => {
      if (/^(true|1|yes|on)$/i.test(text)) return true;
      if (/^(false|0|no|off)$/i.test(text)) return false;
      throw new SettingError('must be true or false');
    },
    absent: () => false,
  });
}

export function integerSetting(
  common: Common & { placeholder: string; default: number; min: number; max: number; unit?: string; why?: string },
): Setting<number> {
  const bounds = `${common.min} to ${common.max}`;
  const unit = common.unit === undefined ? '' : ` ${common.unit}`;
  return setting({
    ...common,
    defaultText: `${common.default}${unit}`,
    bounds: `${bounds}${unit}`,
    read: (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= common.min && value <= common.max) return value;
      throw new SettingError(
        `must be a whole number, ${bounds}${unit}${common.why === undefined ? '' : ` (${common.why})`}`,
      );
    },
    absent: () => common.default,
  });
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Whole seconds: `90`, `90s`, `5m`, `1h`, `2d`. */
export function secondsSetting(
  common: Common & { default: number; min: number; max: number; why?: string },
): Setting<number> {
  const bounds = `${common.min} to ${common.max} s`;
  return setting({
    ...common,
    placeholder: 'SECONDS',
    defaultText: `${common.default} s`,
    bounds,
    read: (text) => {
      const match = /^(\d+)([smhd]?)$/.exec(text);
      const value = match === null ? Number.NaN : Number(match[1]) * (UNIT_SECONDS[match[2] ?? ''] as number);
      if (value >= common.min && value <= common.max) return value;
      throw new SettingError(
        `must be ${bounds}, as 90, 90s, 5m or 1h${common.why === undefined ? '' : ` (${common.why})`}`,
      );
    },
    absent: () => common.default,
  });
}

export function choiceSetting<const C extends string>(
  common: Common & { choices: readonly C[]; default: C },
): Setting<C> {
  return setting<C>({
    ...common,
    placeholder: common.choices.join('|'),
    defaultText: common.default,
    read: (text) => {
      const choice = common.choices.find((each) => each === text.toLowerCase());
      if (choice === undefined) throw new SettingError(`must be one of ${common.choices.join(', ')}`);
      return choice;
    },
    absent: () => common.default,
  });
}

/** Readers of one item, for `setting` and `listSetting`. */
export const readAs = {
  hostPort(text: string, defaultPort?: number): HostPort {
    const address = parseHostPort(text, defaultPort);
    if (address !== undefined) return address;
    throw new SettingError(
      `must be an IP address and a port from 0 to 65535, as 127.0.0.1:${defaultPort ?? 5300} or [::1]:${defaultPort ?? 5300}`,
    );
  },
  address(text: string): string {
    if (isIP(text) === 0) throw new SettingError('must be an IPv4 or IPv6 address');
    return text;
  },
  name(text: string): OwnerName {
    try {
      return parseName(text);
    } catch (error) {
      throw new SettingError((error as Error).message, { cause: error });
    }
  },
};
