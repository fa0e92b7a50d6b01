import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../until.ts';

const NGINX = '/usr/sbin/nginx';

export function haveNginx(): boolean {
  return existsSync(NGINX);
}

export interface Nginx {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts Debian's nginx in the foreground with `server` inside its `http` block.
 *
 * @param directory for its configuration, logs and temporary files
 * @param port      that `server` listens on, on 127.0.0.1
 */
export async function startNginx(directory: string, port: number, server: string): Promise<Nginx> {
  mkdirSync(directory, { recursive: true });
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(
    configuration,
    `daemon off;
master_process off;
error_log ${join(directory, 'error.log')} info;
pid ${join(directory, 'nginx.pid')};
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${join(directory, 'body')};
  proxy_temp_path ${join(directory, 'proxy')};
  fastcgi_temp_path ${join(directory, 'fastcgi')};
  uwsgi_temp_path ${join(directory, 'uwsgi')};
  scgi_temp_path ${join(directory, 'scgi')};
${server}
}
`,
  );
  const child = spawn(NGINX, ['-p', directory, '-e', join(directory, 'error.log'), '-c', configuration], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  await until('nginx', () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}; see ${directory}`);
    return accepts(port);
  });
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
