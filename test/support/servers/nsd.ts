import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostPort } from '../../../shared/address.ts';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { queryOctets, sendUdp } from './dns-client.ts';
import { freePort } from './ports.ts';

/** Debian's place for it, which is not on everyone's path. */
const NSD = '/usr/sbin/nsd';
const FAKETIME = '/usr/bin/faketime';

/** Whether nsd and faketime are installed. */
export function haveNsd(): boolean {
  return existsSync(NSD) && existsSync(FAKETIME);
}

/** A real NSD on loopback that serves one zone. */
export interface Nsd {
  readonly server: HostPort;
  stop(): Promise<void>;
}

/** @param zoneText in master-file format (RFC 1035 §5) */
export async function startNsd(zone: string, zoneText: string): Promise<Nsd> {
  const directory = temporaryDirectory();
  const server = { host: '127.0.0.1', port: await freePort() };
  const zonefile = join(directory, 'zone');
  writeFileSync(zonefile, zoneText);
  const config = join(directory, 'nsd.conf');
  const state = ['pidfile', 'xfrdfile', 'zonelistfile', 'logfile'].map(
    (name) => `  ${name}: "${join(directory, name)}"`,
  );
  writeFileSync(
    config,
    `server:
  ip-address: ${server.host}@${server.port}
  username: ""
  zonesdir: "${directory}"
  xfrdir: "${directory}"
  database: ""
${state.join('\n')}
  server-count: 1
  rrl-ratelimit: 0
  hide-version: yes
  hide-identity: yes
  minimal-responses: yes
remote-control:
  control-enable: no
zone:
  name: "${zone}"
  zonefile: "${zonefile}"
`,
  );
  // NSD sends at most 100 errors a second, whatever its settings say: its seconds are made short.
  const child = spawn(FAKETIME, ['-f', '+0 x1000', NSD, '-d', '-c', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // NSD is several processes, which end as a group.
    detached: true,
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  await until('NSD to answer', async () => {
    if (child.exitCode !== null) throw new Error(`nsd exited: ${output}`);
    const response = await sendUdp(server, queryOctets({ name: zone, type: 'SOA' }), 200);
    return response !== undefined && response.readUInt16BE(6) === 1;
  });
  return {
    server,
    stop: async () => {
      process.removeListener('exit', kill);
      kill();
      await ended;
    },
  };
}
