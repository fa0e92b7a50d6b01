/** Everything that etcd itself remembers of its keys, for what is said of the past to be held against. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Etcd } from '../servers/etcd.ts';
import { until } from '../until.ts';

export interface EtcdChange {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Empty of a deletion. */
  readonly value: string;
  /** In decimal digits. */
  readonly revision: string;
}

interface WatchJson {
  readonly Events?: readonly {
    readonly type?: number;
    readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: number };
  }[];
}

/** Every change since the first revision, in order, of an etcd that was never compacted and whose keys begin with `/`. */
export async function etcdPast(etcd: Etcd): Promise<EtcdChange[]> {
  const head = JSON.parse(await etcd.ctl('get', '/', '-w', 'json')) as { header: { revision: number } };
  const args = ['--endpoints', etcd.url, 'watch', '--prefix', '/', '--rev', '1', '-w', 'json'];
  const watcher = spawn('etcdctl', args, {
    env: { PATH: process.env.PATH, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  watcher.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const read = (): EtcdChange[] => output.split('\n').slice(0, -1).flatMap(changesIn);
  try {
    const last = await until('all of the past in the watch', () => {
      const changes = read();
      return Number(changes.at(-1)?.revision ?? 0) >= head.header.revision && changes;
    });
    return last;
  } finally {
    const closed = once(watcher, 'close');
    watcher.kill('SIGTERM');
    await closed;
  }
}

function changesIn(line: string): EtcdChange[] {
  return ((JSON.parse(line) as WatchJson).Events ?? []).map(({ type, kv }) => ({
    type: type === 1 ? 'delete' : 'put',
    key: textOf(kv.key),
    value: textOf(kv.value ?? ''),
    revision: String(kv.mod_revision),
  }));
}

function textOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
