/** A real Podman's Docker API, with storage of its own below a temporary directory. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';

/** Whether it can run here; when not, says so in the line that the test runner repeats at its end. */
export function havePodman(suite: string): boolean {
  const absent = ['podman', 'runc', 'busybox'].filter((program) => spawnSync('which', [program]).status !== 0);
  const missing = process.getuid?.() === 0 ? absent : ['root'];
  if (missing.length > 0) console.log(`SKIP ${suite}: ${missing.join(', ')} missing (apt-get install podman runc)`);
  return missing.length === 0;
}

export class PodmanHost {
  readonly directory = temporaryDirectory();
  readonly #service: ChildProcess;

  private constructor() {
    writeFileSync(
      join(this.directory, 'storage.conf'),
      `[storage]\ndriver = "vfs"\ngraphroot = "${this.directory}/graph"\nrunroot = "${this.directory}/run"\n`,
    );
    // Its own limits are above those of a machine that is itself a container.
    writeFileSync(
      join(this.directory, 'containers.conf'),
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n',
    );
    const flags = ['--events-backend', 'file', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'];
    const service = ['--tmpdir', join(this.directory, 'tmp'), 'system', 'service', '-t', '0', this.host];
    this.#service = spawn('podman', [...flags, ...service], {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        CONTAINERS_STORAGE_CONF: join(this.directory, 'storage.conf'),
        CONTAINERS_CONF: join(this.directory, 'containers.conf'),
      },
    });
  }

  /** With the image `rollcall-test`: a static busybox. */
  static async start(): Promise<PodmanHost> {
    const podman = new PodmanHost();
    process.once('exit', () => podman.#service.kill('SIGKILL'));
    await until('Podman to answer', () => podman.ask('GET', '/version').catch(() => undefined), { timeoutMs: 30_000 });
    const bin = join(podman.directory, 'root', 'bin');
    mkdirSync(bin, { recursive: true });
    execFileSync('sh', ['-c', `cp "$(command -v busybox)" ${bin}/busybox`]);
    for (const name of ['sh', 'httpd', 'sleep']) symlinkSync('busybox', join(bin, name));
    const image = execFileSync('tar', ['-c', '-C', join(podman.directory, 'root'), '.'], { maxBuffer: 2 ** 26 });
    await podman.ask('POST', '/images/create?fromSrc=-&repo=rollcall-test&tag=latest', image);
    return podman;
  }

  get host(): string {
    return `unix://${this.directory}/podman.sock`;
  }

  /** @returns what it answered, parsed; rejects with what it said instead */
  ask(method: string, path: string, body?: object | Buffer): Promise<unknown> {
    const isArchive = Buffer.isBuffer(body);
    const content = isArchive ? body : JSON.stringify(body ?? {});
    const headers = { 'content-type': isArchive ? 'application/x-tar' : 'application/json' };
    const socketPath = join(this.directory, 'podman.sock');
    return new Promise((resolve, reject) => {
      const asking = request({ socketPath, method, path: `/v1.41${path}`, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${text}`));
          else resolve(text === '' ? undefined : JSON.parse(text));
        });
      });
      asking.once('error', reject);
      asking.end(method === 'POST' ? content : undefined);
    });
  }

  /** Creates and starts a container. @returns its id */
  async run(settings: object): Promise<string> {
    const made = await this.ask('POST', '/containers/create', { Image: 'rollcall-test', ...settings });
    const { Id: id } = made as { readonly Id: string };
    await this.ask('POST', `/containers/${id}/start`);
    return id;
  }

  async stop(): Promise<void> {
    const all = (await this.ask('GET', '/containers/json?all=1')) as readonly { readonly Id: string }[];
    for (const { Id: id } of all) await this.ask('DELETE', `/containers/${id}?force=1`).catch(() => undefined);
    const { exitCode, signalCode } = this.#service;
    const ended = exitCode === null && signalCode === null ? once(this.#service, 'exit') : undefined;
    this.#service.kill('SIGTERM');
    // It writes below its directory until it has ended, and so does what it started to clean up behind a container.
    await ended;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
