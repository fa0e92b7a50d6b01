import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ContainerProcesses } from '../../../announcer/checks/container-processes.ts';
import type { ProcFiles } from '../../../announcer/checks/machine.ts';

const test = suite('announcer/container-processes');

const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

/** `/proc` of processes with these cgroups, which may change while it is read; `reads` counts the cgroups. */
function procOf(cgroups: Record<string, string>): { readonly proc: ProcFiles; readonly reads: () => number } {
  let count = 0;
  const proc: ProcFiles = {
    read: (path) => {
      count += 1;
      const cgroup = cgroups[path.split('/')[0] ?? ''];
      if (cgroup === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      return cgroup;
    },
    pieces: async function* () {},
    list: () => [...Object.keys(cgroups), 'self', 'net'],
    link: () => '',
  };
  return { proc, reads: () => count };
}

test('knows the processes of each container by their cgroups, v1 and v2', async () => {
  const { proc } = procOf({
    1: '0::/init.scope\n',
    10: `0::/docker/${ID}\n`,
    44: `12:pids:/docker/${ID}\n11:cpu:/docker/${ID}\n0::/\n`,
    45: `0::/machine.slice/libpod-${OTHER}.scope/container\n`,
    46: `0::/docker/${OTHER}/docker/${ID}\n`,
  });
  const processes = new ContainerProcesses(proc);
  assert.equal(await processes.of(ID, 0), ['10', '44', '46'], 'an engine in a container, too');
  assert.equal(await processes.of(OTHER, 0), ['45', '46']);
  assert.equal(await processes.of('c'.repeat(64), 0), []);
  assert.equal([processes.isIn(ID, '44'), processes.isIn(ID, '45'), processes.isIn(ID, '47')], [true, false, false]);
});

test('all who ask are told from one reading, until it is too old for somebody', async () => {
  const cgroups: Record<string, string> = { 10: `0::/docker/${ID}\n`, 11: `0::/docker/${OTHER}\n` };
  const { proc, reads } = procOf(cgroups);
  const processes = new ContainerProcesses(proc);
  const sinceMs = performance.now();
  await Promise.all([processes.of(ID, sinceMs), processes.of(OTHER, sinceMs), processes.of(ID, sinceMs - 1000)]);
  assert.is(reads(), 2);
  cgroups[12] = `0::/docker/${ID}\n`;
  assert.equal(await processes.of(ID, sinceMs), ['10']);
  assert.equal(await processes.of(ID, performance.now()), ['10', '12']);
  assert.is(reads(), 5);
});

test('a reading under way that began too early is not what is asked for', async () => {
  const cgroups = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [String(at + 1), '0::/\n']));
  const { proc } = procOf(cgroups);
  const processes = new ContainerProcesses(proc);
  const early = processes.of(ID, performance.now());
  cgroups[1] = `0::/docker/${ID}\n`;
  assert.equal(await processes.of(ID, performance.now()), ['1']);
  assert.equal(await early, []);
});

test('for want of descriptors nothing can be said, and it is tried again', async () => {
  const { proc } = procOf({ 10: `0::/docker/${ID}\n` });
  let isShort = true;
  const read = (path: string): string => {
    if (isShort) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    return proc.read(path);
  };
  const processes = new ContainerProcesses({ ...proc, read });
  const failed = await processes.of(ID, 0).catch((error: Error) => error.message);
  assert.is(failed, 'too many open files');
  isShort = false;
  assert.equal(await processes.of(ID, 0), ['10']);
});

test.run();
