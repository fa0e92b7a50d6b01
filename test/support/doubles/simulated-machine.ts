import type { Machine, ProcFiles } from '../../../announcer/checks/machine.ts';
import type { Reply, Request } from '../../../announcer/checks/probe-attempt.ts';
import type { EngineModel, FakeContainer, Serving } from './engine-model.ts';

/** Of a connection, and of what is read of a table. */
const LATENCY_MAX_MS = 20;
/** To start a helper in a namespace. */
const HELPER_MAX_MS = 200;

/**
 * The machine on which an engine's containers run, for virtual time: `/proc` of their processes, and the ways to their
 * ports. A pid is a container's only as long as that runs; then it is nobody's, or the next one's.
 */
export class SimulatedMachine implements Machine {
  readonly #engine: EngineModel;
  readonly #random: () => number;

  constructor(engine: EngineModel, random: () => number) {
    this.#engine = engine;
    this.#random = random;
  }

  readonly proc: ProcFiles = {
    read: (path) => this.#file(path) ?? gone(),
    pieces: (path) => this.#pieces(path),
    list: (path) => {
      const [container, name] = this.#find(path);
      if (container === undefined) return [];
      if (name === 'task') return [String(container.pid)];
      return name === 'fd' ? Object.values(container.serving).map(({ inode }) => String(inode)) : [];
    },
    link: (path) => {
      if (path === 'self/ns/net') return 'net:[1]';
      const [container, name = ''] = this.#find(path);
      if (container === undefined) return '';
      if (name === 'ns/net') return `net:[${ticksOf(container)}]`;
      const inode = /^fd\/(\d+)$/.exec(name)?.[1];
      const isOpen = Object.values(container.serving).some((socket) => String(socket.inode) === inode);
      return isOpen ? `socket:[${inode}]` : '';
    },
  };

  isOnLink(address: string): boolean {
    return isNear(address);
  }

  isOwn(): boolean {
    return true;
  }

  async attempt(request: Request): Promise<Reply> {
    const stranger = request.hosts.find((host) => !isNear(host));
    if (stranger !== undefined) return { passing: true, reached: true, detail: `${stranger} is somebody else's, too` };
    return this.#ask(request, (host) => {
      const running = [...this.#engine.containers.values()].filter(({ pid }) => pid > 0);
      return running.find(({ ipv4 }) => ipv4 === host);
    });
  }

  openNamespaces() {
    return {
      attempt: async (pid: number, request: Request, isCurrent: () => boolean): Promise<Reply> => {
        const entered = this.#process(pid);
        await this.#passes(HELPER_MAX_MS);
        if (entered === undefined || !isCurrent()) return UNREACHED;
        return this.#ask(request, () => entered);
      },
      close: () => undefined,
    };
  }

  async #ask(request: Request, find: (host: string) => FakeContainer | undefined): Promise<Reply> {
    let leftMs = request.timeoutMs;
    let last = UNREACHED;
    for (const host of request.hosts) {
      const container = find(host);
      await this.#passes(LATENCY_MAX_MS);
      if (container === undefined) continue;
      const isLocal = host === '127.0.0.1' || host === '::1';
      const socket = container.serving[`${request.port}/tcp`];
      const isSilent = socket?.answers === 'full' || (socket?.answers === 'never' && request.kind === 'http');
      if (isSilent && leftMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, leftMs));
        leftMs = 0;
        last = { passing: false, reached: false, detail: 'no answer' };
        continue;
      }
      if (leftMs <= 0) break;
      last = replyOf(isLocal || socket?.isLoopback === false ? socket : undefined, request.kind);
      if (!last.isRefused) return last;
    }
    return last;
  }

  #passes(maxMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, maxMs * this.#random()));
  }

  #process(pid: number): FakeContainer | undefined {
    for (const container of this.#engine.containers.values()) if (container.pid === pid) return container;
    return undefined;
  }

  /** Whose process it is, and what is below `<pid>/`. */
  #find(path: string): [FakeContainer | undefined, string | undefined] {
    const [, pid, name] = /^(\d+)\/(.*)$/.exec(path) ?? [];
    return [pid === undefined ? undefined : this.#process(Number(pid)), name];
  }

  #file(path: string): string | undefined {
    if (path === 'stat') return 'cpu 0 0 0 0\nbtime 0\n';
    const [container, name] = this.#find(path);
    if (container === undefined) return undefined;
    const sockets = Object.entries(container.serving);
    switch (name) {
      case 'stat':
        return `${container.pid} (a (process)) S${' 0'.repeat(18)} ${ticksOf(container)} 0\n`;
      case 'cgroup':
        return `0::/system.slice/docker-${container.id}.scope\n`;
      case 'net/sockstat':
        return `sockets: used 3\nTCP: inuse ${sockets.filter(([port]) => port.endsWith('/tcp')).length} orphan 0\n`;
      case 'net/tcp':
      case 'net/udp':
        return tableOf(
          sockets.filter(([port]) => port.endsWith(name.slice(3))),
          name === 'net/tcp' ? '0A' : '07',
        );
      default:
        return /^task\/\d+\/children$/.test(name ?? '') ? '' : undefined;
    }
  }

  async *#pieces(path: string): AsyncGenerator<string> {
    const text = this.#file(path) ?? gone();
    await this.#passes(LATENCY_MAX_MS);
    yield text;
  }
}

const UNREACHED: Reply = { passing: false, reached: false, detail: 'no way there' };

/** Half of them have addresses of a network that the host is no part of, as on macvlan: others have the same ones. */
function isNear(address: string): boolean {
  return Number(address.split('.')[3]) % 2 === 0;
}

function replyOf(socket: Serving | undefined, kind: Request['kind']): Reply {
  if (socket === undefined) return { passing: false, reached: true, isRefused: true, detail: 'connection refused' };
  const passing = kind === 'tcp' || socket.answers === 'well';
  return { passing, reached: true, detail: kind === 'tcp' ? 'connected' : `answered ${passing ? 200 : 503}` };
}

/** Of no two runs the same. */
function ticksOf({ startedAt }: FakeContainer): string {
  return startedAt.replaceAll(/\D/g, '');
}

function tableOf(sockets: readonly (readonly [string, Serving])[], state: string): string {
  const rows = sockets.map(([port, { inode, isLoopback }], at) => {
    const number = Number.parseInt(port, 10).toString(16).toUpperCase().padStart(4, '0');
    const local = `${isLoopback ? '0100007F' : '00000000'}:${number}`;
    return `   ${at}: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1\n`;
  });
  return `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n${rows.join('')}`;
}

/** One for all: its stack would cost more than all the rest. */
const GONE = Object.assign(new Error('no such file in /proc'), { code: 'ENOENT' });

function gone(): never {
  throw GONE;
}
