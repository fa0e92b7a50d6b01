import { setTimeout as wait } from 'node:timers/promises';

/**
 * Asks `condition` again until it gives something other than undefined or false, and returns that.
 *
 * @param what   for the message: what was waited for
 * @throws when `timeoutMs` passed without; the message has the last error that the condition threw
 */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 60_000, everyMs = 10 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const why = lastError === undefined ? '' : `; last error: ${String(lastError)}`;
      throw new Error(`waited ${timeoutMs} ms for ${what}${why}`, { cause: lastError });
    }
    await wait(everyMs);
  }
}
