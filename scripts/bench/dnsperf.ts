import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { CLIENT_CORE, coreWaitMs, cpuMs, type Server } from './servers.ts';

export interface Load {
  readonly queriesPerSecond: number;
  /** CPU of the server per query, user and system together. */
  readonly cpuMicroseconds: number;
  readonly latencyMicroseconds: number;
  readonly lost: number;
  /** Of the time, how much of it the server stood in line for its core, 0 to 1. */
  readonly coreWait: number;
}

export interface LoadSettings {
  readonly queries: readonly string[];
  readonly seconds: number;
  readonly tcp?: boolean;
  readonly edns?: boolean;
  readonly cookie?: boolean;
}

/** dnsperf with 20 clients in one thread, pinned to the client's core: the load that the published figures were made with. */
export async function loadOf(server: Server, directory: string, settings: LoadSettings): Promise<Load> {
  const file = `${directory}/queries`;
  writeFileSync(file, `${settings.queries.join('\n')}\n`);
  const args = [
    '-s',
    '127.0.0.1',
    '-p',
    String(server.port),
    '-d',
    file,
    '-c',
    '20',
    '-T',
    '1',
    '-l',
    String(settings.seconds),
  ];
  if (settings.tcp) args.push('-m', 'tcp');
  if (settings.edns || settings.cookie) args.push('-e');
  if (settings.cookie) args.push('-E', '10:0102030405060708');
  const before = cpuMs(server.pid);
  const waitedBefore = coreWaitMs(server.pid);
  const startedMs = performance.now();
  const output = await run('taskset', ['-c', CLIENT_CORE, 'dnsperf', ...args]);
  const cpu = cpuMs(server.pid) - before;
  const coreWait = (coreWaitMs(server.pid) - waitedBefore) / (performance.now() - startedMs);
  const completed = number(output, /Queries completed:\s+(\d+)/);
  return {
    queriesPerSecond: number(output, /Queries per second:\s+([\d.]+)/),
    cpuMicroseconds: (cpu * 1000) / completed,
    latencyMicroseconds: number(output, /Average Latency \(s\):\s+([\d.]+)/) * 1e6,
    lost: number(output, /Queries lost:\s+(\d+)/),
    coreWait,
  };
}

function number(output: string, pattern: RegExp): number {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`dnsperf did not print ${pattern}:\n${output}`);
  return Number(found);
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}: ${output}`)),
    );
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
