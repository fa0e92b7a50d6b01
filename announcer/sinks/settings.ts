import { withoutSecrets } from '../../shared/redaction.ts';
import {
  listSetting,
  optionalSetting,
  type Setting,
  SettingError,
  SettingItemsError,
  type ValuesOf,
} from '../../shared/settings.ts';
import type { SinkAccess } from './access.ts';
import { parseTarget, type SinkTarget } from './target.ts';

/** More than this in one record is no allow-list; the length of a line follows from it. */
const LABELS_MAX = 32;
const LABEL_OCTETS_MAX = 128;

export const sinkSettings = {
  sinks: {
    repeatable: true,
    bounds: '',
    fallbackVariables: [],
    flag: 'sink',
    placeholder: 'URL',
    help: 'Send the life of each container there, as JSON: logstash://host:5959, elasticsearch://[user@]host:9200/index, syslog://host:514, syslog+udp://host:514, file:///path, stdout:. With TLS: logstash+tls, syslog+tls, elasticsearchs; with files of its own as ?ca=FILE&cert=FILE&key=FILE&password-file=FILE. Repeatable. See docs/audit.md.',
    defaultText: 'none',
    read: readTargets,
    absent: () => [],
  } as Setting<readonly SinkTarget[]>,
  sinkLabels: listSetting({
    flag: 'sink-label',
    placeholder: 'NAME',
    help: 'A label of containers that goes into the records of --sink; no other does. Repeatable.',
    defaultText: 'none',
    bounds: `at most ${LABELS_MAX}, each at most ${LABEL_OCTETS_MAX} octets`,
    read: readLabel,
    absent: (): readonly string[] => [],
  }),
  sinkPasswordFile: optionalSetting({
    flag: 'sink-password-file',
    placeholder: 'FILE',
    help: 'File that holds the password of the user in the elasticsearch URLs of --sink that name no ?password-file=. Read for each request: a new one needs no restart.',
    defaultText: 'none',
  }),
  sinkCa: optionalSetting({
    flag: 'sink-ca',
    placeholder: 'FILE',
    help: 'PEM certificate authority of the --sink URLs with TLS that name no ?ca=. Read for each connection, as are --sink-cert and --sink-key.',
    defaultText: 'those that Node trusts',
  }),
  sinkCert: optionalSetting({
    flag: 'sink-cert',
    placeholder: 'FILE',
    help: 'PEM client certificate for the --sink URLs with TLS that name no ?cert=, with --sink-key.',
    defaultText: 'none',
  }),
  sinkKey: optionalSetting({
    flag: 'sink-key',
    placeholder: 'FILE',
    help: 'PEM key of --sink-cert.',
    defaultText: 'none',
  }),
};

export interface SinkConfig {
  /** Each with its own files: those of its URL, else those of the flags. */
  readonly targets: readonly SinkTarget[];
  /** Allow-list. */
  readonly labels: readonly string[];
}

/** Checks what no single setting can see. Every problem is added to `problems`. */
export function sinkConfigOf(values: ValuesOf<typeof sinkSettings>, problems: string[]): SinkConfig {
  const { sinkLabels: labels } = values;
  if (labels.length > LABELS_MAX) {
    problems.push(`--sink-label is given ${labels.length} times; at most ${LABELS_MAX} labels go into a record`);
  }
  const { sinkCa: ca, sinkCert: cert, sinkKey: key, sinkPasswordFile: passwordFile } = values;
  const targets = values.sinks.map((target) => withDefaults(target, { ca, cert, key, passwordFile }));
  problems.push(...targets.flatMap(targetProblems), ...flagProblems(targets, { ca, cert, key, passwordFile }));
  return { targets, labels };
}

/** A certificate and its key go together: those of the URL, or those of the flags. */
function withDefaults(target: SinkTarget, all: SinkAccess): SinkTarget {
  if (!('access' in target)) return target;
  const { ca, cert, key, passwordFile } = target.access;
  const isOwn = cert !== undefined;
  const access: SinkAccess = {
    ca: hasTls(target) ? (ca ?? all.ca) : ca,
    cert: hasTls(target) && !isOwn ? all.cert : cert,
    key: hasTls(target) && !isOwn ? all.key : key,
    passwordFile: hasUser(target) ? (passwordFile ?? all.passwordFile) : passwordFile,
  };
  return { ...target, access };
}

function hasTls(target: SinkTarget): boolean {
  return 'tls' in target && target.tls;
}

function hasUser(target: SinkTarget): boolean {
  return target.kind === 'elasticsearch' && target.user !== undefined;
}

function readTargets(texts: readonly string[]): readonly SinkTarget[] {
  const targets: SinkTarget[] = [];
  const wrong: { shown: string; problem: string }[] = [];
  for (const text of texts) {
    const read = parseTarget(text);
    if (!read.ok) wrong.push({ shown: withoutSecrets(text), problem: read.problem });
    else if (targets.some(({ id }) => id === read.target.id)) wrong.push({ shown: text, problem: 'is given twice' });
    else targets.push(read.target);
  }
  if (wrong.length > 0) throw new SettingItemsError(wrong);
  return targets;
}

const WITH_TLS = 'write logstash+tls://host, syslog+tls://host or elasticsearchs://host:9200/index';

/** A flag that no sink uses is a mistake in one or the other. */
function flagProblems(targets: readonly SinkTarget[], { ca, cert, key, passwordFile }: SinkAccess): string[] {
  const problems: string[] = [];
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = key === undefined ? ['--sink-cert', '--sink-key'] : ['--sink-key', '--sink-cert'];
    problems.push(`${given} is given without ${missing}; a client certificate needs both`);
  }
  if (!targets.some(hasTls)) {
    const flags = { '--sink-ca': ca, '--sink-cert': cert, '--sink-key': key };
    for (const [flag, file] of Object.entries(flags)) {
      if (file !== undefined) problems.push(`${flag} is given, but no --sink uses TLS: ${WITH_TLS}`);
    }
  }
  if (passwordFile !== undefined && !targets.some(hasUser)) {
    problems.push(
      '--sink-password-file is given, but no --sink names a user: write elasticsearch://user@host:9200/index',
    );
  }
  return problems;
}

function targetProblems(target: SinkTarget): string[] {
  if (!('access' in target)) return [];
  const { access, url } = target;
  const problem = (text: string): string => `--sink=${JSON.stringify(url)}: ${text}`;
  const problems: string[] = [];
  if (!hasTls(target) && [access.ca, access.cert].some((file) => file !== undefined)) {
    problems.push(problem(`has a certificate, but no TLS; ${WITH_TLS}`));
  }
  if (hasUser(target) && access.passwordFile === undefined) {
    problems.push(problem('names a user; give --sink-password-file, or ?password-file= in the URL'));
  }
  if (!hasUser(target) && access.passwordFile !== undefined) {
    problems.push(problem('has ?password-file=, but names no user: write elasticsearch://user@host:9200/index'));
  }
  return problems;
}

function readLabel(text: string): string {
  if (text.length <= LABEL_OCTETS_MAX && /^[\x21-\x7e]+$/.test(text)) return text;
  throw new SettingError(`must be the name of a label, at most ${LABEL_OCTETS_MAX} printable characters`);
}
