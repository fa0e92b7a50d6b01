/** A real Docker engine of the test's own, beside any other on the machine: own bridge, own directories, no iptables. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/local/sbin`;

export interface DockerHost {
  /** `unix://…/docker.sock`, for `--docker` and `DOCKER_HOST`. */
  readonly host: string;
  readonly socketPath: string;
  /** Its own directory, below the system's temporary one; removed by {@link stop}. */
  readonly directory: string;
  /** The host's address on the default bridge: containers reach the host's sockets there. */
  readonly gateway: string;
  /** Of dockerd, for signals: it changes with {@link restart}. */
  readonly pid: number;
  /** `docker …`: standard output, trimmed. Rejects with what the command said. */
  cli(...args: string[]): Promise<string>;
  /** `docker run -d …`: the container's full id. */
  run(args: readonly string[]): Promise<string>;
  /** Ends dockerd with a signal and waits until it is gone; containers live on only with `--live-restore`. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts dockerd after {@link kill} on the same directories. @param args in place of those of {@link startDocker} */
  start(args?: readonly string[]): Promise<void>;
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Removes every container, network, process and file that this engine made. */
  stop(): Promise<void>;
}

/** What keeps a real engine from running here, in words; undefined when nothing does. */
export function missingForDocker(programs: readonly string[] = []): string | undefined {
  if (process.getuid?.() !== 0) return 'root (dockerd needs it)';
  const absent = ['dockerd', 'docker', 'ip', 'runc', 'busybox', ...programs].filter((program) => !inPath(program));
  if (absent.length > 0) return `${absent.join(', ')} (make test installs them on Debian)`;
  const probe = `rcp${process.pid % 100_000}`;
  if (spawnSync('ip', ['link', 'add', probe, 'type', 'bridge'], { env: { PATH } }).status !== 0) {
    return 'the right to make a network bridge (CAP_NET_ADMIN and the kernel module bridge)';
  }
  spawnSync('ip', ['link', 'del', probe], { env: { PATH } });
  return undefined;
}

/**
 * Whether the suite can run; when not, says so in the line that the test runner repeats at its end.
 *
 * @param programs that the suite needs besides those of the engine
 */
export function haveDocker(suite: string, programs: readonly string[] = []): boolean {
  const missing = missingForDocker(programs);
  if (missing !== undefined) console.log(`SKIP ${suite}: ${missing}`);
  return missing === undefined;
}

/** Starts dockerd, ready in well under a second. @param args further flags of dockerd, as `--live-restore` */
export async function startDocker(args: readonly string[] = []): Promise<DockerHost> {
  sweepLeftovers();
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-docker-'));
  const engine = new RealDocker(directory, claimBridge(directory), args);
  process.once('exit', () => engine.stopNow());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await engine.start();
  return engine;
}

/** The image of the tests: FROM scratch with a static busybox (httpd, nc, nslookup, wget, sh); serves `/www` on port 80. */
export async function buildBusybox(docker: DockerHost, tag = 'rollcall-test'): Promise<string> {
  const context = join(docker.directory, 'image');
  mkdirSync(join(context, 'www'), { recursive: true });
  copyFileSync(inPath('busybox') as string, join(context, 'busybox'));
  writeFileSync(join(context, 'www', 'index.html'), 'hello from rollcall-test\n');
  writeFileSync(
    join(context, 'Dockerfile'),
    [
      'FROM scratch',
      'COPY busybox /bin/busybox',
      'RUN ["/bin/busybox", "--install", "/bin"]',
      'COPY www /www',
      'CMD ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]',
      '',
    ].join('\n'),
  );
  await docker.cli('build', '-q', '-t', tag, context);
  return tag;
}

interface Bridge {
  readonly name: string;
  /** `10.213.n`: the default bridge has this /24, other networks come from the next one. */
  readonly net: string;
  readonly poolNet: string;
}

/** Each engine takes the next port of the same range, without asking the others on this machine. */
const PORT_TRIES = 5;

class RealDocker implements DockerHost {
  readonly directory: string;
  readonly #bridge: Bridge;
  readonly #args: readonly string[];
  #daemon: ChildProcess | undefined;
  #runs = 0;
  #stopped = false;

  constructor(directory: string, bridge: Bridge, args: readonly string[]) {
    this.directory = directory;
    this.#bridge = bridge;
    this.#args = args;
  }

  get socketPath(): string {
    return join(this.directory, 'docker.sock');
  }

  get host(): string {
    return `unix://${this.socketPath}`;
  }

  get gateway(): string {
    return `${this.#bridge.net}.1`;
  }

  get pid(): number {
    const pid = this.#daemon?.pid;
    if (pid === undefined) throw new Error('dockerd is not running');
    return pid;
  }

  async start(args = this.#args): Promise<void> {
    const log = openSync(join(this.directory, 'log'), 'a');
    // iptables stay as they are: two engines would rewrite each other's chains. The userland proxy publishes ports.
    const flags = [
      ...['--data-root', join(this.directory, 'data'), '--exec-root', join(this.directory, 'exec')],
      ...[
        '-H',
        this.host,
        '--pidfile',
        join(this.directory, 'pid'),
        '--config-file',
        join(this.directory, 'none.json'),
      ],
      ...['--bridge', this.#bridge.name, '--iptables=false', '--ip6tables=false', '--ip-masq=false'],
      ...['--default-address-pool', `base=${this.#bridge.poolNet}.0/24,size=27`, '--log-level', 'warn'],
    ];
    writeFileSync(join(this.directory, 'none.json'), '{}');
    const daemon = spawn('dockerd', [...flags, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH },
    });
    closeSync(log);
    this.#daemon = daemon;
    for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 50) {
      if (daemon.exitCode !== null) throw new Error(`dockerd ended at once:\n${this.#logTail()}`);
      const up = await this.cli('version', '--format', '{{.Server.Version}}').catch(() => '');
      if (up !== '') return;
      await sleep(50);
    }
    throw new Error(`dockerd was not ready within 60 s:\n${this.#logTail()}`);
  }

  async cli(...args: string[]): Promise<string> {
    const env = { PATH, HOME: this.directory, DOCKER_HOST: this.host, DOCKER_BUILDKIT: '0' };
    const { stdout } = await run('docker', args, { env, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  }

  async run(args: readonly string[]): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      this.#runs += 1;
      const file = join(this.directory, `cid-${this.#runs}`);
      try {
        return await this.cli('run', '-d', '--cidfile', file, ...args);
      } catch (error) {
        if (tries === PORT_TRIES || !String(error).includes('address already in use')) throw error;
        await this.cli('rm', '-f', readFileSync(file, 'utf8'));
      }
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGCONT');
    daemon.kill(signal);
    await gone;
    this.#daemon = undefined;
    await this.#containerdGone();
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const cleaner = spawn('sh', this.#cleanUp(), { stdio: 'ignore', env: { PATH } });
    await new Promise((resolve) => cleaner.once('exit', resolve));
  }

  /** As {@link stop}, for the end of a process that cannot wait. */
  stopNow(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    spawnSync('sh', this.#cleanUp(), { stdio: 'ignore', env: { PATH } });
  }

  /** A killed dockerd takes its containerd with it, but not at once; the next dockerd would wait for the dying one. */
  async #containerdGone(): Promise<void> {
    const pidFile = join(this.directory, 'exec', 'containerd', 'containerd.pid');
    if (!existsSync(pidFile)) return;
    const stat = `/proc/${readFileSync(pidFile, 'utf8').trim()}/stat`;
    for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 20) {
      if (!existsSync(stat) || / Z /.test(readFileSync(stat, 'utf8'))) break;
      await sleep(20);
    }
    rmSync(pidFile, { force: true });
  }

  #cleanUp(): string[] {
    return ['-c', CLEAN_UP, 'clean-up', this.directory, this.#bridge.name, this.#bridge.poolNet];
  }

  #logTail(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8').split('\n').slice(-20).join('\n');
  }
}

/**
 * Everything that can be named by the engine's directory, in the order that leaves nothing behind, whatever state the
 * test left it in: killed daemons leave containers, containers leave shims, networks leave mounts and links.
 */
const CLEAN_UP = `
dir=$1 bridge=$2 pool=$3
case "$dir" in */rollcall-docker-*) ;; *) exit 1 ;; esac
pid=$(cat "$dir/pid" 2>/dev/null)
is_ours() { tr '\\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$dir/"; }
docker="timeout 15 docker -H unix://$dir/docker.sock"
if [ -n "$pid" ] && is_ours "$pid"; then
  kill -CONT "$pid"
  ids=$($docker ps -aq) && [ -n "$ids" ] && $docker rm -f $ids
  $docker network prune -f
  kill -TERM "$pid"
  for _ in $(seq 100); do is_ours "$pid" || break; sleep 0.1; done
fi
root="$dir/exec/runtime-runc/moby"
if [ -d "$root" ]; then
  for id in $(ls "$root"); do runc --root "$root" kill "$id" KILL; runc --root "$root" delete --force "$id"; done
fi
for proc in /proc/[0-9]*; do is_ours "\${proc#/proc/}" && [ "\${proc#/proc/}" != $$ ] && kill -KILL "\${proc#/proc/}"; done
grep -F " $dir/" /proc/mounts | cut -d' ' -f2 | sort -r | while read -r mount; do umount -l "$mount"; done
for link in $(ip -o -4 addr show | grep -F " inet $pool." | awk '{print $2}') "$bridge"; do ip link del "$link"; done
rm -rf "$dir"
exit 0
`;

/** A bridge's name is claimed by making it, so that tests in several processes never share one. */
function claimBridge(directory: string): Bridge {
  for (let n = 0; n < 120; n += 1) {
    const name = `rctest${n}`;
    // A bridge without an address of its own takes the lowest of its ports', another one whenever that container goes: what
    // is on its way to the old one is lost, and its reader waits for minutes. Docker gives its own bridge a fixed one, too.
    const address = `02:42:0a:d5:${(2 * n).toString(16).padStart(2, '0')}:01`;
    if (ip('link', 'add', name, 'address', address, 'type', 'bridge').status !== 0) continue;
    ip('link', 'set', name, 'alias', `${process.pid} ${directory}`);
    const { net, poolNet } = netsOf(n);
    ip('addr', 'add', `${net}.1/24`, 'dev', name);
    ip('link', 'set', name, 'up');
    return { name, net, poolNet };
  }
  throw new Error('no free bridge rctest0 to rctest119; remove those that earlier runs left (ip link del)');
}

function netsOf(n: number): Omit<Bridge, 'name'> {
  return { net: `10.213.${2 * n}`, poolNet: `10.213.${2 * n + 1}` };
}

/** What a test that was killed could not remove. */
function sweepLeftovers(): void {
  const links = ip('-o', 'link', 'show', 'type', 'bridge').stdout;
  for (const match of links.matchAll(/: rctest(\d+):.*?alias (\d+) (\S+)/g)) {
    const [, n = '', owner = '', directory = ''] = match;
    if (existsSync(`/proc/${owner}`)) continue;
    const args = [directory, `rctest${n}`, netsOf(Number(n)).poolNet];
    spawnSync('sh', ['-c', CLEAN_UP, 'clean-up', ...args], { stdio: 'ignore', env: { PATH } });
  }
}

function ip(...args: string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync('ip', args, { encoding: 'utf8', env: { PATH } });
}

function inPath(program: string): string | undefined {
  return PATH.split(':')
    .map((directory) => join(directory, program))
    .find((file) => existsSync(file));
}
