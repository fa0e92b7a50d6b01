import type { Log, LogFields } from '../../../shared/log.ts';

export interface LogLine {
  readonly level: keyof Log;
  readonly event: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that remembers what was said. */
export interface RecordingLog extends Log {
  readonly lines: readonly LogLine[];
  /** The lines of one event. */
  of(event: string): readonly LogLine[];
}

export function recordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const write =
    (level: keyof Log) =>
    (event: string, message: string, fields: LogFields = {}) => {
      lines.push({ level, event, message, fields });
    };
  return {
    lines,
    of: (event) => lines.filter((line) => line.event === event),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}
