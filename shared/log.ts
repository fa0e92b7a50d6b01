import { type LoggerOptions, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { standardError } from './log-output.ts';
import { LogWriter, WAITING_MAX_OCTETS } from './log-writer.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields of a log line. Units close the names; secrets and environment variables never come here. */
export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * Log lines are transitions, not samples: `event` is a constant name to search for, `message` a sentence that says what
 * happened, to which thing, the value against its limit, and what happens next.
 */
export interface Log {
  debug(event: string, message: string, fields?: LogFields): void;
  info(event: string, message: string, fields?: LogFields): void;
  warn(event: string, message: string, fields?: LogFields): void;
  error(event: string, message: string, fields?: LogFields): void;
}

/**
 * JSON lines on standard error, the level first and then the sorted keys; for a person at a terminal, coloured lines. A log
 * that cannot be written, or that nobody reads, costs lines and nothing else.
 */
export function createLog(level: LogLevel, component: string): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: false,
    // pino writes the level first, whatever it is called; the other keys are sorted.
    formatters: { level: (level) => ({ level }) },
  };
  const format = process.stderr.isTTY ? forPeople() : (line: string): string => line;
  const writer = new LogWriter(standardError(), (lines) =>
    write('warn')('log-lines-dropped', droppedText(lines), { lines }),
  );
  process.once('exit', () => writer.flush());
  const logger = pino(options, { write: (line: string) => writer.write(format(line)) });
  const write =
    (severity: Exclude<LogLevel, 'silent'>) =>
    (event: string, message: string, fields: LogFields = {}) => {
      if (!logger.isLevelEnabled(severity)) return;
      const line = { ...fields, at: new Date().toISOString(), component, event, message };
      logger[severity](Object.fromEntries(Object.entries(line).sort(([a], [b]) => (a < b ? -1 : 1))));
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function forPeople(): (line: string) => string {
  return prettyFactory({
    messageKey: 'message',
    levelKey: 'level',
    timestampKey: 'at',
    translateTime: 'SYS:HH:MM:ss.l',
    // The sentence says it all; the fields are for machines.
    hideObject: true,
  });
}

function droppedText(lines: number): string {
  const what = lines === 1 ? 'a line of this log is missing here' : `${lines} lines of this log are missing here`;
  return `${what}: standard error took nothing while ${WAITING_MAX_OCTETS / 1024} KiB waited`;
}

/** Says nothing: for pure tests and for commands whose output is their answer. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
