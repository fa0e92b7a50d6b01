import { describeExplanation } from '../../shared/text/event-text.ts';

/** What a resolver's `/v1/explain` says of a name; a daemon of another version may leave something out. */
export interface ExplainedName {
  readonly name?: string;
  readonly zone?: string;
  readonly revision?: string;
  readonly steps?: readonly { readonly rule: string; readonly input: string; readonly verdict: string }[];
  readonly keys?: readonly ExplainedRecord[];
  /** There are more keys than are told. */
  readonly truncated?: boolean;
  readonly answers?: Readonly<Record<string, ExplainedAnswer>>;
  /** What is not told, and why. */
  readonly note?: string;
}

interface ExplainedRecord {
  readonly key: string;
  readonly value: string;
  readonly revision: string;
  readonly selected: boolean;
  readonly reason: string;
  readonly ttl: string;
  readonly explained?: Readonly<Record<string, unknown>>;
}

interface ExplainedAnswer {
  readonly outcome: string;
  readonly records: readonly string[];
  readonly additional?: readonly string[];
}

/** The rules with their verdicts, each key with whether it counts and why, then the answers, a line each. */
export function describeName({ name, revision, steps, keys, truncated, answers, note }: ExplainedName): string[] {
  return [
    `name ${name ?? ''}, zone at revision ${revision ?? 'unknown'}`,
    ...(steps ?? []).map(({ rule, input, verdict }) => `  ${rule}: ${input === '' ? '' : `${input} → `}${verdict}`),
    ...(keys ?? []).flatMap(describeRecord),
    ...(truncated === true ? ['  … and more keys'] : []),
    ...describeAnswers(answers ?? {}),
    ...(note === undefined ? [] : [`  ! ${note}`]),
  ];
}

function describeRecord({ key, value, revision, selected, reason, ttl, explained }: ExplainedRecord): string[] {
  return [
    `  ${selected ? 'counts' : 'does not count'}: ${key} (revision ${revision})`,
    `    ${reason}`,
    ...(ttl === '' ? [] : [`    TTL: ${ttl}`]),
    ...(explained === undefined ? [] : [`    written because: ${describeExplanation(explained)}`]),
    `    ${value}`,
  ];
}

/** Types without a record share a line; what only repeats the zone's SOA says nothing. */
function describeAnswers(answers: Readonly<Record<string, ExplainedAnswer>>): string[] {
  const lines: string[] = [];
  const empty = new Map<string, string[]>();
  for (const [type, { outcome, records, additional = [] }] of Object.entries(answers)) {
    if (records.length === 0) {
      empty.set(outcome, [...(empty.get(outcome) ?? []), type]);
      continue;
    }
    lines.push(`  answer to ${type}${outcome === 'answer' ? '' : ` (${outcome})`}:`);
    lines.push(...[...records, ...additional].map((record) => `    ${record}`));
  }
  for (const [outcome, types] of empty) lines.push(`  ${outcome} to ${types.join(', ')}`);
  return lines;
}
