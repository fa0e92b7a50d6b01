/** Descriptors, memory, processes, buffers: of this process, or of the machine. */
const SHORTAGES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EAGAIN']);

/** Whether something could not be done because this side has no more of what it takes: of the other side that says nothing. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && SHORTAGES.has((error as NodeJS.ErrnoException).code);
}
