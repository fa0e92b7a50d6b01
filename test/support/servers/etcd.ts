import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { get } from 'node:http';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { freePort } from './ports.ts';

export interface EtcdOptions {
  readonly dataDir?: string;
  /** For clients. */
  readonly port?: number;
  /** Behind ours, so they win. */
  readonly extraArgs?: readonly string[];
  /** `https` leaves the certificates to `extraArgs` (`--cert-file` and its like) and `ctlArgs`. */
  readonly scheme?: 'http' | 'https';
  /** What every `ctl` begins with, such as `--cacert`. */
  readonly ctlArgs?: readonly string[];
}

export interface EtcdMember {
  readonly name: string;
  readonly peerUrl: string;
  /** Of every member, as `--initial-cluster` wants it. */
  readonly initialCluster: string;
}

/** A real etcd on loopback with a data directory of its own. */
export interface Etcd {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Changes with every restart. */
  readonly pid: number;
  /** As an operator stops it: SIGTERM. */
  stop(): Promise<void>;
  /** As a power cut: SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: the connections stay, nothing answers. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same data and ports, first killing what still runs. */
  restart(): Promise<void>;
  /** etcdctl against this server, with the v3 API. @returns standard output; @throws with its standard error */
  ctl(...args: readonly string[]): Promise<string>;
}

const run = promisify(execFile);
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Whether etcd and etcdctl are installed. A suite that needs them and has them not calls {@link skipWithoutEtcd}. */
export function haveEtcd(): boolean {
  return haveProgram('etcd') && haveProgram('etcdctl');
}

/**
 * Prints the line that the test runner counts as a skipped suite.
 *
 * @returns whether the suite must be left out
 */
export function skipWithoutEtcd(suite: string): boolean {
  if (haveEtcd()) return false;
  console.log(`SKIP ${suite}: etcd is missing; install the packages etcd-server and etcd-client`);
  return true;
}

/** Starts one etcd and waits until it serves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const member = startMember(options, { name: 'solo', peerUrl: `http://127.0.0.1:${await freePort()}` });
  return (await member).healthy();
}

/** Starts a member without waiting: a member of a cluster is healthy only once most of the others are. */
export async function startMember(
  options: EtcdOptions,
  member: Omit<EtcdMember, 'initialCluster'> & Partial<EtcdMember>,
): Promise<{ healthy(): Promise<Etcd> }> {
  const { scheme = 'http', dataDir = temporaryDirectory(), ctlArgs = [], extraArgs = [] } = options;
  const port = options.port ?? (await freePort());
  const metricsUrl = `http://127.0.0.1:${await freePort()}`;
  const url = `${scheme}://127.0.0.1:${port}`;
  const args = [
    ...['--name', member.name, '--data-dir', dataDir],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', member.peerUrl, '--initial-advertise-peer-urls', member.peerUrl],
    ...['--initial-cluster', member.initialCluster ?? `${member.name}=${member.peerUrl}`],
    // Serves /health without a certificate or a user, whatever the client side asks for.
    ...['--listen-metrics-urls', metricsUrl],
    ...['--logger', 'zap', '--log-level', 'warn', '--log-outputs', 'stderr'],
    ...extraArgs,
  ];
  let process = launch(args);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (process.child.exitCode !== null || process.child.signalCode !== null) return;
    process.child.kill('SIGCONT');
    process.child.kill(signal);
    await process.ended;
  };
  const healthy = async (): Promise<void> => {
    await until(
      `etcd at ${url} to be healthy`,
      async () => {
        if (process.child.exitCode !== null) throw new Error(`etcd exited: ${process.output()}`);
        return isHealthy(`${metricsUrl}/health`);
      },
      { timeoutMs: 60_000 },
    );
  };
  const etcd: Etcd = {
    url,
    port,
    dataDir,
    get pid() {
      return process.child.pid ?? 0;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => void process.child.kill('SIGSTOP'),
    resume: () => void process.child.kill('SIGCONT'),
    restart: async () => {
      await end('SIGKILL');
      process = launch(args);
      await healthy();
    },
    ctl: async (...ctl) => {
      const environment = { PATH: globalThis.process.env.PATH, ETCDCTL_API: '3' };
      const patience = ['--dial-timeout', '60s', '--command-timeout', '60s'];
      const { stdout } = await run('etcdctl', ['--endpoints', url, ...patience, ...ctlArgs, ...ctl], {
        env: environment,
        maxBuffer: 64 << 20,
      });
      return stdout;
    },
  };
  return {
    healthy: async () => {
      await healthy();
      return etcd;
    },
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** The end of what it wrote. */
  output(): string;
}

function launch(args: readonly string[]): Launched {
  // With setpriv the kernel ends etcd with us even when we are killed ourselves; it keeps the pid.
  const [program, ...rest] = haveProgram('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', 'etcd'] : ['etcd'];
  const child = spawn(program as string, [...rest, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // An ETCD_* variable of the machine would change the server under test.
    env: { PATH: process.env.PATH },
  });
  running.add(child);
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => {
    const done = (): void => {
      running.delete(child);
      resolve();
    };
    child.once('close', done);
    child.once('error', (error) => {
      output += String(error);
      done();
    });
  });
  return { child, ended, output: () => output };
}

function isHealthy(url: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body.includes('"true"')));
    });
    request.on('timeout', () => request.destroy(new Error('no answer from /health in 1 s')));
    request.on('error', reject);
  });
}

/** Whether a program of this name is on the path. */
export function haveProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
