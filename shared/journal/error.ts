import { StartError } from '../component.ts';

/**
 * `locked`: another process has the journal open. `newer-format`: a later version of rollcall wrote it. `wrong-kind`: it is
 * another component's. `unreadable`: the directory cannot be made or read.
 */
export type JournalOpenErrorCode = 'locked' | 'newer-format' | 'wrong-kind' | 'unreadable';

/** A journal that cannot be opened keeps its component from starting: state that is not known must not be acted on. */
export class JournalOpenError extends StartError {
  override readonly name = 'JournalOpenError';
  readonly code: JournalOpenErrorCode;
  constructor(code: JournalOpenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** `unwritable`: the disk refused a snapshot. `closed`: the journal was closed. */
export type JournalErrorCode = 'unwritable' | 'closed';

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  constructor(code: JournalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** `ENOSPC` and the like, for messages; the sentence itself when there is no code. */
export function causeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message ?? String(error);
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException)?.code ?? '');
}
