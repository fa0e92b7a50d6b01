import {
  listSetting,
  optionalSetting,
  type Setting,
  SettingError,
  SettingItemsError,
  type ValuesOf,
} from '../../shared/settings.ts';
import { parseTarget, redacted, type SinkTarget } from './target.ts';

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
    help: 'Send the life of each container there, as JSON: logstash://host:5959, elasticsearch://[user@]host:9200/index (elasticsearchs: TLS), syslog://host:514, syslog+udp://host:514, file:///path, stdout:. Repeatable. See docs/audit.md.',
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
    help: 'File that holds the password of the user in the elasticsearch URLs of --sink. Read for each request: a new one needs no restart.',
    defaultText: 'none',
  }),
  sinkCa: optionalSetting({
    flag: 'sink-ca',
    placeholder: 'FILE',
    help: 'PEM certificate authority of the elasticsearchs URLs of --sink.',
    defaultText: "the system's",
  }),
};

export interface SinkConfig {
  readonly targets: readonly SinkTarget[];
  /** Allow-list. */
  readonly labels: readonly string[];
  readonly passwordFile: string | undefined;
  readonly caFile: string | undefined;
}

/** Checks what no single setting can see. Every problem is added to `problems`. */
export function sinkConfigOf(values: ValuesOf<typeof sinkSettings>, problems: string[]): SinkConfig {
  const { sinks: targets, sinkLabels: labels, sinkPasswordFile: passwordFile, sinkCa: caFile } = values;
  if (labels.length > LABELS_MAX) {
    problems.push(`--sink-label is given ${labels.length} times; at most ${LABELS_MAX} labels go into a record`);
  }
  problems.push(...accessProblems(targets, passwordFile, caFile));
  return { targets, labels, passwordFile, caFile };
}

function readTargets(texts: readonly string[]): readonly SinkTarget[] {
  const targets: SinkTarget[] = [];
  const wrong: { shown: string; problem: string }[] = [];
  for (const text of texts) {
    const read = parseTarget(text);
    if (!read.ok) wrong.push({ shown: redacted(text), problem: read.problem });
    else if (targets.some(({ url }) => url === text)) wrong.push({ shown: text, problem: 'is given twice' });
    else targets.push(read.target);
  }
  if (wrong.length > 0) throw new SettingItemsError(wrong);
  return targets;
}

function accessProblems(targets: readonly SinkTarget[], passwordFile?: string, caFile?: string): string[] {
  const elastic = targets.filter((target) => target.kind === 'elasticsearch');
  const named = elastic.filter(({ user }) => user !== undefined);
  const problems: string[] = [];
  if (passwordFile === undefined) {
    for (const { url } of named)
      problems.push(`--sink=${JSON.stringify(url)}: names a user; give --sink-password-file`);
  } else if (named.length === 0) {
    problems.push(
      '--sink-password-file is given, but no --sink names a user: write elasticsearch://user@host:9200/index',
    );
  }
  if (caFile !== undefined && !elastic.some(({ tls }) => tls)) {
    problems.push('--sink-ca is given, but no --sink uses TLS: write elasticsearchs://host:9200/index');
  }
  return problems;
}

function readLabel(text: string): string {
  if (text.length <= LABEL_OCTETS_MAX && /^[\x21-\x7e]+$/.test(text)) return text;
  throw new SettingError(`must be the name of a label, at most ${LABEL_OCTETS_MAX} printable characters`);
}
