/**
 * A program: the ways in which a check looks, made by a process that can open nothing more, and once more when it can again.
 * Prints what came of each as JSON. Its limit is best set low before (`ulimit -n`).
 */
import { closeSync, openSync } from 'node:fs';
import { ListeningBudget, ListeningProbe } from '../../../announcer/checks/listening.ts';
import { thisMachine } from '../../../announcer/checks/machine.ts';
import { facts } from '../container-facts.ts';

const request = { kind: 'tcp', hosts: ['127.0.0.1'], port: 9, path: '', timeoutMs: 2000 } as const;
const container = facts({ pid: process.pid, startedAt: new Date().toISOString() });
const namespaces = thisMachine.openNamespaces();

/** What it gives, or what it throws. */
async function outcome(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return `threw ${(error as Error).message}`;
  }
}

async function looks(): Promise<unknown> {
  const listening = new ListeningProbe(
    container,
    ['80/tcp'],
    { proc: thisMachine.proc, loopback: 'any' },
    new ListeningBudget(),
  );
  return {
    isOnLink: await outcome(() => thisMachine.isOnLink('127.0.0.1')),
    connect: await outcome(() => thisMachine.attempt(request)),
    inside: await outcome(() => namespaces.attempt(process.pid, request, () => true)),
    listening: await outcome(() => listening.look()),
    isCurrent: await outcome(() => listening.isCurrent()),
  };
}

const held: number[] = [];
for (;;) {
  try {
    held.push(openSync('/dev/null', 'r'));
  } catch {
    break;
  }
}
const short = await looks();
for (const descriptor of held) closeSync(descriptor);
const after = await looks();
namespaces.close();
console.log(JSON.stringify({ short, after }));
process.exit();
