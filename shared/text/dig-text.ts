/** An answer of the past in the form in which dig prints one. */

/** As `/v1/at` gives it. */
export interface AnswerJson {
  readonly name: string;
  readonly type: string;
  readonly atMs: number;
  readonly status: string;
  readonly authoritative: boolean;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly extendedError?: number;
}

/** RFC 8914 §4, those that this server gives. */
const EXTENDED_ERRORS: Readonly<Record<number, string>> = {
  0: 'Other',
  3: 'Stale Answer',
  19: 'Stale NXDOMAIN Answer',
  22: 'No Reachable Authority',
};

/** What stands in place of a message that was never sent. */
const NO_MESSAGES: Readonly<Record<string, string>> = {
  none: ';; no answer: the resolver was not running',
  FORWARDED: ';; outside the zones: it was forwarded, or refused; what others answered is not recorded',
};

export function digText(answer: AnswerJson): string {
  const { name, type, atMs, status } = answer;
  const title = `; <<>> rollcall <<>> ${name} ${type} at ${new Date(atMs).toISOString()}`;
  const missing = NO_MESSAGES[status];
  if (missing !== undefined) return [title, missing].join('\n');
  const sections = [
    ['ANSWER', answer.answer],
    ['AUTHORITY', answer.authority],
    ['ADDITIONAL', answer.additional],
  ] as const;
  const counts = sections.map(([section, records]) => `${section}: ${records.length}`).join(', ');
  const error = answer.extendedError;
  return [
    title,
    ';; Got answer:',
    `;; ->>HEADER<<- opcode: QUERY, status: ${status}`,
    `;; flags: qr${answer.authoritative ? ' aa' : ''}; QUERY: 1, ${counts}`,
    ...(error === undefined ? [] : ['', ';; OPT PSEUDOSECTION:', `; EDE: ${error} (${EXTENDED_ERRORS[error] ?? ''})`]),
    '',
    ';; QUESTION SECTION:',
    `;${name}\tIN\t${type}`,
    ...sections.flatMap(([section, records]) =>
      records.length === 0 ? [] : ['', `;; ${section} SECTION:`, ...records.map(tabbed)],
    ),
  ].join('\n');
}

/** Owner, TTL, class and type stand in columns; the data behind them may hold spaces. */
function tabbed(record: string): string {
  const [, owner, ttl, rrClass, type, data] = /^(\S+) (\S+) (\S+) (\S+) (.*)$/s.exec(record) ?? [];
  return owner === undefined ? record : [owner, ttl, rrClass, type, data].join('\t');
}
