/**
 * Runs inside a container's network namespace, started by `namespaces.ts`: takes requests as JSON lines on standard
 * input, makes the attempts, and answers as JSON lines. It ends with its input.
 */
import { createInterface } from 'node:readline';
import { attempt, type Request } from './probe-attempt.ts';

// Of a closed terminal, which the announcer outlives: a check under way must not fail for it.
process.on('SIGHUP', () => undefined);
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, request } = JSON.parse(line) as { readonly id: number; readonly request: Request };
  void attempt(request).then((reply) => process.stdout.write(`${JSON.stringify({ id, reply })}\n`));
});
