import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineAction, EngineEvent } from '../../../../announcer/docker/events.ts';
import { hintOf, noteEnd } from '../../../../announcer/docker/following/hint.ts';

import type { Known } from '../../../../announcer/docker/following/memory.ts';

const RUN = { startedAt: '2026-11-20T14:32:00Z', labels: {} };
const AT_MS = Date.parse('2026-11-20T14:33:00Z');
const said = (action: EngineAction, time = '2026-11-20T14:32:30Z', signal?: number): EngineEvent => ({
  container: 'c1',
  action,
  timeNano: `${Date.parse(time)}000000`,
  ...(signal !== undefined && { signal }),
});
const actionOf = (event: EngineEvent, run = RUN): unknown => {
  const hint = hintOf(event, run, AT_MS);
  return hint?.type === 'hinted' ? hint.action : hint;
};

const test = suite('announcer/docker/following/hint');

test('what takes a container out of service is hinted at; what may bring it back takes a look', () => {
  for (const action of ['die', 'oom', 'pause', 'unhealthy'] as const) assert.is(actionOf(said(action)), action);
  for (const action of ['start', 'unpause', 'healthy', 'connect', 'stop', 'disconnect'] as const)
    assert.is(actionOf(said(action)), undefined, action);
});

test('a kill says its signal, unless a label of the container has overwritten it', () => {
  const kill = said('kill', undefined, 15);
  assert.equal(hintOf(kill, RUN, AT_MS), {
    atMs: AT_MS,
    type: 'hinted',
    container: 'c1',
    engineTimeNano: kill.timeNano,
    action: 'kill',
    signal: 15,
  });
  assert.is(hintOf(kill, { ...RUN, labels: { signal: '1' } }, AT_MS), undefined);
});

test('a death after the kernel took a process of that run is for want of memory, unless it ended well', () => {
  const known: Known = { ...RUN, inspectedAtMs: 0, networkOwner: undefined, print: '' };
  const oom = (exitCode?: number, labels: Record<string, string> = {}): unknown => {
    const event = { ...said('die'), ...(exitCode === undefined ? {} : { exitCode }) };
    const hint = hintOf(event, { ...known, labels }, AT_MS);
    return hint?.type === 'hinted' && hint.outOfMemory;
  };
  noteEnd(said('oom', '2026-11-20T14:31:59Z'), known);
  assert.is(oom(137), undefined, 'of an earlier run');
  noteEnd(said('oom', '2026-11-20T14:32:01Z'), known);
  assert.equal([oom(137), oom(1), oom()], [true, true, true]);
  assert.is(oom(0), undefined, 'it outlived the loss of a worker');
  assert.is(oom(0, { exitCode: '0' }), true, 'a label says 0');
});

test('an event of an earlier run says nothing about this one', () => {
  assert.is(hintOf(said('die', '2026-11-20T14:31:59Z'), RUN, AT_MS), undefined);
});

test.run();
