/** Edge: attempts made from inside a container's network namespace, by helper processes that `nsenter` starts there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { linkOfProc } from '../../shared/proc.ts';
import { notMade, type Reply, type Request } from './probe-attempt.ts';
import { isShortage } from './shortage.ts';

/** A process costs 40 ms to start and 40 MB to keep: most services are asked without one. */
const HELPERS_MAX = 16;
const IDLE_MS = 60_000;
/** To start one and to answer, on top of the attempt's own time. */
const START_MS = 5_000;

/** Helpers by network namespace (`net:[4026531840]`), the least recently used first. */
export class Namespaces {
  readonly #helpers = new Map<string, Helper>();

  /**
   * Makes the attempt in the namespace of the process.
   *
   * @param isCurrent whether the pid is still the container's; asked after the namespace has been entered
   * @throws when not even a process can be made
   */
  async attempt(pid: number, request: Request, isCurrent: () => boolean): Promise<Reply> {
    const namespace = namespaceOf(pid);
    if (namespace === '' || !isCurrent()) return unreached('the container has no process any more');
    let helper: Helper | Reply | undefined = this.#helpers.get(namespace);
    if (helper === undefined || helper.isEnded) helper = await this.#open(pid, namespace);
    if (!(helper instanceof Helper)) return helper;
    if (!isCurrent()) return unreached('the container has no process any more');
    this.#helpers.delete(namespace);
    this.#helpers.set(namespace, helper);
    return helper.ask(request);
  }

  close(): void {
    for (const helper of this.#helpers.values()) helper.end();
    this.#helpers.clear();
  }

  /** @returns the helper, or what is known without one */
  async #open(pid: number, namespace: string): Promise<Helper | Reply> {
    for (const [key, { isEnded }] of this.#helpers) if (isEnded) this.#helpers.delete(key);
    if (this.#helpers.size >= HELPERS_MAX) {
      for (const [key, oldest] of this.#helpers) {
        oldest.end();
        this.#helpers.delete(key);
        break;
      }
    }
    const helper = new Helper(pid);
    this.#helpers.set(namespace, helper);
    // The pid may have become another process's before nsenter opened it.
    if (await helper.isIn(namespace)) return helper;
    helper.end();
    this.#helpers.delete(namespace);
    return helper.failure('its network namespace cannot be entered: ');
  }
}

class Helper {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply | undefined) => void>();
  #nextId = 1;
  #isEnded = false;
  #isShortage = false;
  #why = 'the helper ended; entering needs root (CAP_SYS_ADMIN)';
  readonly #idle: NodeJS.Timeout;

  constructor(pid: number) {
    // Built, this file and the helper stand beside each other as .js.
    const script = fileURLToPath(new URL('./namespace-helper.js', import.meta.url));
    const node = [process.execPath, '--max-old-space-size=32', '--max-semi-space-size=1', script];
    this.#child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, ...node], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#isShortage = isShortage(error);
      this.#why = error.code === 'ENOENT' ? 'nsenter is not installed (package util-linux)' : error.message;
      this.#finish();
    });
    this.#child.once('exit', () => this.#finish());
    this.#child.stdin?.on('error', () => this.#finish());
    // For want of descriptors it has none, whatever its type says.
    const output: ChildProcess['stdout'] | undefined = this.#child.stdout;
    if (output) createInterface({ input: output }).on('line', (line) => this.#take(line));
    this.#idle = setTimeout(() => this.end(), IDLE_MS);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether it runs in that namespace; by then it has begun to. */
  async isIn(namespace: string): Promise<boolean> {
    const nothing = { kind: 'tcp', hosts: [], port: 0, path: '', timeoutMs: 0 } as const;
    const reply = await this.#send(nothing);
    const { pid } = this.#child;
    return reply !== undefined && pid !== undefined && namespaceOf(pid) === namespace;
  }

  async ask(request: Request): Promise<Reply> {
    this.#idle.refresh();
    return (await this.#send(request)) ?? this.failure();
  }

  /** What is to be said when there is no answer. */
  failure(what = ''): Reply {
    return (this.#isShortage ? notMade : unreached)(`${what}${this.#why}`);
  }

  end(): void {
    // What was never started has no process, and 0 would be all of ours.
    if (this.#child.pid !== undefined) this.#child.kill('SIGKILL');
    this.#finish();
  }

  /** Undefined when the helper ended without an answer. */
  #send(request: Request): Promise<Reply | undefined> {
    if (this.#isEnded) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => this.end(), request.timeoutMs + START_MS);
      this.#waiting.set(id, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      this.#child.stdin?.write(`${JSON.stringify({ id, request })}\n`);
    });
  }

  #take(line: string): void {
    const { id, reply } = JSON.parse(line) as { readonly id: number; readonly reply: Reply };
    this.#waiting.get(id)?.(reply);
    this.#waiting.delete(id);
  }

  #finish(): void {
    this.#isEnded = true;
    clearTimeout(this.#idle);
    for (const settle of this.#waiting.values()) settle(undefined);
    this.#waiting.clear();
  }
}

function unreached(detail: string): Reply {
  return { passing: false, reached: false, detail };
}

/** `net:[4026531840]`; empty when the process is gone or may not be looked at. */
function namespaceOf(pid: number): string {
  return linkOfProc(`/proc/${pid}/ns/net`);
}
