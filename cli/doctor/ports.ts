import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { endianness } from 'node:os';
import { NET_TABLES, type NetTable, parseNetTable } from '../../announcer/checks/proc-net.ts';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import { linkOfProc, listProc, readProc } from '../../shared/proc.ts';
import { type Finding, fine, hint, wrong } from './finding.ts';

/** Whether what is to be listened on can be: bound for a moment, and let go. */
export async function checkPorts(listen: readonly HostPort[], http: HostPort): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const address of listen) {
    findings.push(await checkPort('udp', address, 'DNS', '--listen'));
    findings.push(await checkPort('tcp', address, 'DNS', '--listen'));
  }
  findings.push(await checkPort('tcp', http, 'HTTP', '--http'));
  return findings;
}

async function checkPort(protocol: 'udp' | 'tcp', address: HostPort, what: string, flag: string): Promise<Finding> {
  const where = `${what} on ${formatHostPort(address)}/${protocol}`;
  const code = await (protocol === 'udp' ? bindUdp(address) : bindTcp(address));
  switch (code) {
    case undefined:
      return fine('ports', `${where}: free`);
    case 'EADDRINUSE': {
      const holder = holderOf(protocol, address);
      if (holder?.isOurs) return fine('ports', `${where}: taken by rollcall itself (process ${holder.pid})`);
      const by =
        holder === undefined ? 'a process that this user may not see' : `${holder.command} (process ${holder.pid})`;
      return wrong('ports', `${where}: taken by ${by}`, `stop that one, or give another address or port with ${flag}`);
    }
    case 'EACCES':
      return wrong('ports', `${where}: not permitted`, 'ports below 1024 need root or CAP_NET_BIND_SERVICE');
    case 'EADDRNOTAVAIL':
      return wrong('ports', `${where}: this machine has no such address`, `give one that it has with ${flag}`);
    default:
      return hint('ports', `${where}: cannot be bound (${code})`, `give another address with ${flag}`);
  }
}

async function bindUdp({ host, port }: HostPort): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.close();
  }
}

async function bindTcp({ host, port }: HostPort): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}

interface Holder {
  readonly pid: string;
  readonly command: string;
  readonly isOurs: boolean;
}

/** Who has the port: by the socket's inode, which its process holds open. Undefined when that cannot be seen. */
function holderOf(protocol: 'udp' | 'tcp', { port }: HostPort): Holder | undefined {
  const tables = (Object.keys(NET_TABLES) as NetTable[]).filter((table) => NET_TABLES[table].protocol === protocol);
  const sockets = tables.flatMap((table) => parseNetTable(readProc(`/proc/net/${table}`), table, endianness()));
  const links = new Set(sockets.filter((socket) => socket.port === port).map(({ inode }) => `socket:[${inode}]`));
  for (const pid of listProc('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!listProc(`/proc/${pid}/fd`).some((fd) => links.has(linkOfProc(`/proc/${pid}/fd/${fd}`)))) continue;
    const words = readProc(`/proc/${pid}/cmdline`)
      .split('\0')
      .filter((word) => word !== '');
    const isOurs = words.some((word) => /(^|\/)rollcall$|\/(cli\/main|resolver\/workers\/worker)\.js$/.test(word));
    return { pid, command: words.join(' ').slice(0, 120) || readProc(`/proc/${pid}/comm`).trim(), isOurs };
  }
  return undefined;
}
