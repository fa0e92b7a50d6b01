import { Buffer } from 'node:buffer';
import type { SinkAction, SinkRecord } from './record.ts';

/** JSON Lines: one object a line. JSON has no line break of its own in it. */
export function jsonLine(record: SinkRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Every line of ours begins like this: what is cut off in the middle can be told from what others wrote. */
export const LINE_BEGINNING = '{"@timestamp":"';

/** Log audit (RFC 5424 §6.2.1, table 1). */
const FACILITY_AUDIT = 13;
const ERROR = 3;
const WARNING = 4;
const NOTICE = 5;
const INFORMATIONAL = 6;

/** A message of RFC 5424 whose text is the record as JSON. No structured data: that needs an enterprise number. */
export function syslogMessage(record: SinkRecord, pid: number): string {
  const priority = FACILITY_AUDIT * 8 + severityOf(record);
  return `<${priority}>1 ${record['@timestamp']} ${record.host} rollcall ${pid} ${record.action} - ${JSON.stringify(record)}`;
}

/** Octet counting (RFC 6587 §3.4.1): the text may then hold anything. */
export function syslogFrame(record: SinkRecord, pid: number): string {
  const message = syslogMessage(record, pid);
  return `${Buffer.byteLength(message)} ${message}`;
}

const SEVERITIES: Readonly<Partial<Record<SinkAction, number>>> = {
  oom: ERROR,
  unhealthy: WARNING,
  refused: WARNING,
  gap: WARNING,
  held: NOTICE,
  withdrawn: NOTICE,
};

function severityOf({ action, reason }: SinkRecord): number {
  if (action === 'die') return reason === 'requested' ? INFORMATIONAL : WARNING;
  return SEVERITIES[action] ?? INFORMATIONAL;
}
