import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProcFiles } from '../../../announcer/checks/machine.ts';
import { findHolders } from '../../../announcer/checks/socket-holders.ts';

const test = suite('announcer/socket-holders');

interface Process {
  readonly children?: readonly string[];
  /** Inodes, behind two descriptors that are no sockets; undefined when we may not look. */
  readonly sockets: readonly string[] | undefined;
  /** It has ended, and its parent has not asked for how: all its descriptors are closed. */
  readonly isZombie?: boolean;
  readonly threads?: readonly string[];
}

/** `/proc` of these processes and nothing else. */
function procOf(processes: Readonly<Record<string, Process>>): ProcFiles {
  const find = (path: string): [Process | undefined, string] => {
    const [, pid = '', rest = ''] = /^(\d+)\/(.*)$/.exec(path) ?? [];
    return [processes[pid], rest];
  };
  return {
    read: (path) => {
      const [process, rest] = find(path);
      if (process === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      if (rest === 'stat') return `1 (a ) Z) ${process.isZombie ? 'Z' : 'S'} 1 1 1`;
      return `${process.children?.join(' ') ?? ''} `;
    },
    pieces: async function* () {},
    list: (path) => {
      if (path === '') return [...Object.keys(processes), 'self', 'net'];
      const [process, rest] = find(path);
      if (process === undefined) return [];
      if (rest === 'task') return [...(process.threads ?? ['1'])];
      return process.sockets === undefined || process.isZombie ? [] : ['0', '1', ...process.sockets];
    },
    link: (path) => {
      const [process, rest] = find(path);
      const fd = rest.slice('fd/'.length);
      return process?.sockets?.includes(fd) ? `socket:[${fd}]` : '/dev/null';
    },
  };
}

test('finds a socket of the process, and one of a child of its child', () => {
  const proc = procOf({
    10: { sockets: ['71'], children: ['11'] },
    11: { sockets: [], children: ['12'] },
    12: { sockets: ['72'] },
  });
  assert.equal(findHolders(proc, ['10'], ['71', '72']), {
    found: [
      { link: '10/fd/71', inode: '71' },
      { link: '12/fd/72', inode: '72' },
    ],
    isComplete: true,
  });
});

test('what none of them holds is somebody else’s, as far as all of them could be looked at', () => {
  const family: Record<string, Process> = { 10: { sockets: [], children: ['11'] }, 11: { sockets: ['71'] } };
  assert.equal(findHolders(procOf(family), ['10'], ['79']), { found: [], isComplete: true });
  const closed = { ...family, 11: { sockets: undefined } };
  assert.is(findHolders(procOf(closed), ['10'], ['79']).isComplete, false, 'not permitted');
  const large = { 10: { sockets: Array.from({ length: 5000 }, (_, at) => String(at)) } };
  assert.is(findHolders(procOf(large), ['10'], ['9999']).isComplete, false, 'too many descriptors');
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, at) => [String(at + 10), { sockets: [], children: [String(at + 11)] }]),
  );
  assert.is(findHolders(procOf(many), ['10'], ['79']).isComplete, false, 'too many processes');
});

test('what has ended holds nothing, and leaves nothing open', () => {
  const proc = procOf({ 10: { sockets: [], children: ['11', '12'] }, 11: { sockets: [], isZombie: true } });
  assert.equal(findHolders(proc, ['10'], ['79']), { found: [], isComplete: true }, 'a zombie, and one that is gone');
  const goesOn = procOf({ 10: { sockets: [], isZombie: true, threads: ['10', '11'] } });
  assert.is(findHolders(goesOn, ['10'], ['79']).isComplete, false, 'only its first thread has ended');
});

test('for want of descriptors nothing can be said', () => {
  const short: ProcFiles = {
    ...procOf({ 10: { sockets: [] } }),
    read: () => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    },
  };
  assert.throws(() => findHolders(short, ['10'], ['71']), /too many open files/);
});

test.run();
