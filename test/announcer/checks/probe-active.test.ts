import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CHECK_TIMING_DEFAULTS } from '../../../announcer/checks/check-setting.ts';
import type { ListeningProbe } from '../../../announcer/checks/listening.ts';
import type { Machine } from '../../../announcer/checks/machine.ts';
import { type AskingTools, askingProbe, execProbe } from '../../../announcer/checks/probe-active.ts';
import type { Reply } from '../../../announcer/checks/probe-attempt.ts';
import type { Look } from '../../../announcer/checks/probe-run.ts';
import type { Engine } from '../../../announcer/docker/engine/engine.ts';
import { Turns } from '../../../announcer/docker/following/turns.ts';
import { facts } from '../../support/container-facts.ts';

const test = suite('announcer/probe-active');

const CHECK = { kind: 'tcp', port: '80/tcp', ...CHECK_TIMING_DEFAULTS } as const;
const SERVES = { passing: true, detail: 'listening 80/tcp', loopback: undefined, inode: '1' };

/** One look at a container whose port is in LISTEN, and whose address answers. @param then happens before it does */
async function look(
  then: (process: { isCurrent: boolean }) => void,
  reply: Reply = { passing: true, reached: true, detail: 'connected' },
  sight: 'seen' | 'absent' | 'remote' = 'seen',
): Promise<Look> {
  const process = { isCurrent: true };
  const listening = {
    look: async () => ({ type: sight, reason: 'hidden', ports: new Map([[CHECK.port, SERVES]]) }),
    isCurrent: () => process.isCurrent,
  };
  const machine = {
    proc: { link: () => '' },
    isOnLink: () => true,
    attempt: async () => {
      then(process);
      return reply;
    },
  };
  const tools: AskingTools = {
    turns: new Turns(1),
    machine: machine as unknown as Machine,
    namespaces: { attempt: () => Promise.reject(new Error('asked from inside')), close: () => undefined },
    listening: sight === 'remote' ? undefined : (listening as unknown as ListeningProbe),
    hostAddresses: [],
  };
  return askingProbe(CHECK, facts(), tools).look();
}

test('takes the answer of a container that is still there', async () => {
  const told = await look(() => undefined);
  assert.is(told.type === 'tried' && told.attempts.get(CHECK.port)?.passing, true);
});

test('takes no answer of an address that may be another container’s since it was asked', async () => {
  const told = await look((process) => {
    process.isCurrent = false;
  });
  assert.equal(told, { type: 'gone' });
});

test('a connection that this side could not even try says nothing of the container, and is not tried from inside', async () => {
  const reply = {
    passing: false,
    reached: false,
    isUnknown: true,
    detail: 'connect to 80/tcp cannot be tried: EMFILE',
  };
  assert.equal(await look(() => undefined, reply), { type: 'unknown', why: reply.detail });
});

test('what answers is of this run where its process is seen, and may be of any where it is not', async () => {
  const isOfAnyRun = async (sight: 'seen' | 'absent' | 'remote'): Promise<unknown> => {
    const told = await look(() => undefined, undefined, sight);
    return told.type === 'tried' && told.attempts.get(CHECK.port)?.passing && (told.isOfAnyRun ?? false);
  };
  assert.is(await isOfAnyRun('seen'), false);
  assert.is(await isOfAnyRun('absent'), true);
  assert.is(await isOfAnyRun('remote'), true);
});

test('a command may have been run in the next run of its container', async () => {
  const engine = { exec: async () => ({ type: 'exited', exitCode: 0 }) } as unknown as Engine;
  const check = { ...CHECK, kind: 'exec', command: ['/check'] } as const;
  const told = await execProbe(check, facts(), engine, new Turns(1)).look();
  assert.is(told.type === 'tried' && told.isOfAnyRun, true);
});

test.run();
