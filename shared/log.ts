import { destination, type LoggerOptions, pino } from 'pino';
import pretty from 'pino-pretty';

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

/** JSON lines on standard error, the level first and then the sorted keys; for a person at a terminal, coloured lines. */
export function createLog(level: LogLevel, component: string): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: false,
    // pino writes the level first, whatever it is called; the other keys are sorted.
    formatters: { level: (level) => ({ level }) },
  };
  // Synchronous, so that the last line before an exit is not lost; lines are few by design.
  const stream = process.stderr.isTTY
    ? pretty({
        destination: 2,
        sync: true,
        messageKey: 'message',
        levelKey: 'level',
        timestampKey: 'at',
        translateTime: 'SYS:HH:MM:ss.l',
        // The sentence says it all; the fields are for machines.
        hideObject: true,
      })
    : destination({ dest: 2, sync: true });
  const logger = pino(options, stream);
  const write =
    (severity: Exclude<LogLevel, 'silent'>) =>
    (event: string, message: string, fields: LogFields = {}) => {
      if (!logger.isLevelEnabled(severity)) return;
      const line = { ...fields, at: new Date().toISOString(), component, event, message };
      logger[severity](Object.fromEntries(Object.entries(line).sort(([a], [b]) => (a < b ? -1 : 1))));
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Says nothing: for pure tests and for commands whose output is their answer. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
