/** Edge: a process inside a container's network namespace, started there by `nsenter`, that makes attempts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { linkOfProc } from '../../shared/proc.ts';
import { notMade, type Reply, type Request } from './probe-attempt.ts';
import { isShortage } from './shortage.ts';

/** One namespace's helper, or a simulated one. */
export interface Helper {
  /** It takes no more requests. */
  readonly isEnded: boolean;
  /** Whether it runs in that namespace; by then it has begun to. Asked once. */
  isIn(namespace: string): Promise<boolean>;
  /** Answers in any case, the latest some seconds after the request's own time. */
  ask(request: Request): Promise<Reply>;
  /** What is to be said when there is no answer. */
  failure(what?: string): Reply;
  end(): void;
}

const IDLE_MS = 60_000;
/** To start one and to answer, on top of the attempt's own time. */
const START_MS = 5_000;

/** It ends with its namespaces' owner, or when nothing was asked for a while. */
export class HelperProcess implements Helper {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply | undefined) => void>();
  #nextId = 1;
  #isEnded = false;
  #why = 'the helper ended; entering needs root (CAP_SYS_ADMIN)';
  /** What failed is this side's, and says nothing of the container. */
  #isOurs = false;
  readonly #idle: NodeJS.Timeout;

  /** @throws when no process can be made */
  constructor(pid: number) {
    // Built, this file and the helper stand beside each other as .js.
    const script = fileURLToPath(new URL('./namespace-helper.js', import.meta.url));
    const node = [process.execPath, '--max-old-space-size=32', '--max-semi-space-size=1', script];
    this.#child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, ...node], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#finish(
        error.code === 'ENOENT' ? 'nsenter is not installed (package util-linux)' : error.message,
        isShortage(error),
      );
    });
    this.#child.once('exit', (_code, signal) => {
      if (signal === null) this.#finish();
      else this.#finish(`the helper was ended by ${signal}`, true);
    });
    this.#child.stdin?.on('error', () => this.#finish());
    // For want of descriptors it has none, whatever its type says.
    const output: ChildProcess['stdout'] | undefined = this.#child.stdout;
    if (output) createInterface({ input: output }).on('line', (line) => this.#take(line));
    this.#idle = setTimeout(() => this.#onIdle(), IDLE_MS);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

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

  failure(what = ''): Reply {
    const detail = `${what}${this.#why}`;
    return this.#isOurs ? notMade(detail) : { passing: false, reached: false, detail };
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
      const withinMs = request.timeoutMs + START_MS;
      const timer = setTimeout(() => {
        this.#finish(`the helper gave no answer within ${withinMs / 1000} s`, true);
        this.end();
      }, withinMs);
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

  #onIdle(): void {
    if (this.#waiting.size === 0) this.end();
    else this.#idle.refresh();
  }

  /** The first reason counts: what follows is its consequence. */
  #finish(why = this.#why, isOurs = this.#isOurs): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#why = why;
    this.#isOurs = isOurs;
    clearTimeout(this.#idle);
    for (const settle of this.#waiting.values()) settle(undefined);
    this.#waiting.clear();
  }
}

/** `net:[4026531840]`; empty when the process is gone or may not be looked at. */
export function namespaceOf(pid: number): string {
  return linkOfProc(`/proc/${pid}/ns/net`);
}
