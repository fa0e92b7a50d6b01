/** The parts of a whole day: an engine, etcd, an announcer with its sinks, a resolver, and a diary of what dig says. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SinkRecord } from '../../../announcer/sinks/record.ts';
import { buildBusybox, type DockerHost, startDocker } from '../servers/docker.ts';
import { type Etcd, startEtcd } from '../servers/etcd.ts';
import { freePort } from '../servers/ports.ts';
import { rollcall } from '../servers/rollcall.ts';
import { type Rsyslog, rsyslogProgram, startRsyslog } from '../servers/rsyslog.ts';
import {
  type AnnouncerProcess,
  DOMAIN,
  type ResolverProcess,
  startAnnouncer,
  startResolver,
} from '../servers/stage.ts';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { Diary, type Entry } from './diary.ts';

/** Nothing here asserts a latency; a machine under load takes its time. */
export const PATIENCE = { timeoutMs: 45_000, everyMs: 20 };

/** In the environment of every container, and nowhere else. */
export const SECRET = 'hunter2-of-the-day';

/** Serves at once, ends at once on its stop signal, as most servers do. */
const SERVE = "trap 'exit 0' TERM; httpd -p 80 -h /www; while true; do sleep 1 & wait $!; done";

/** What dig said of every name while nothing changed, and the moment behind it. */
export interface Page {
  readonly what: string;
  readonly atMs: number;
  readonly entries: readonly Entry[];
}

export interface RunOptions {
  readonly args?: readonly string[];
  /** A shell script. */
  readonly script?: string;
}

export class Day {
  readonly etcd: Etcd;
  readonly docker: DockerHost;
  readonly image: string;
  readonly rsyslog: Rsyslog | undefined;
  readonly sinkFile: string;
  /** Full ids, by the containers' names. */
  readonly ids = new Map<string, string>();
  readonly pages: Page[] = [];
  readonly diary: Diary;
  /** When `explain` said that what was held down would be announced again, within its rounding; and when it was. */
  reuse = { fromMs: 0, toMs: 0 };
  reusedAtMs = 0;
  /** How long etcd was away. */
  outageMs = 0;
  announcer: AnnouncerProcess;
  resolver: ResolverProcess;
  readonly #lives = new Map<string, string>();
  readonly #flags: string;
  readonly #announcerArgs: readonly string[];

  private constructor(
    parts: Pick<Day, 'etcd' | 'docker' | 'image' | 'rsyslog' | 'sinkFile' | 'announcer' | 'resolver'>,
    announcerArgs: readonly string[],
  ) {
    this.etcd = parts.etcd;
    this.docker = parts.docker;
    this.image = parts.image;
    this.rsyslog = parts.rsyslog;
    this.sinkFile = parts.sinkFile;
    this.announcer = parts.announcer;
    this.resolver = parts.resolver;
    this.#announcerArgs = announcerArgs;
    this.#flags = temporaryDirectory();
    this.diary = new Diary(() => this.resolver.dns);
  }

  /** @param args further flags of the announcer */
  static async begin(args: readonly string[]): Promise<Day> {
    const etcd = await startEtcd();
    const docker = await startDocker();
    const image = await buildBusybox(docker);
    const program = rsyslogProgram();
    const rsyslog = program === undefined ? undefined : await startRsyslog(program);
    const sinkFile = join(temporaryDirectory(), 'audit.jsonl');
    const sinks = [`file://${sinkFile}`, ...(rsyslog === undefined ? [] : [logstashUrl(rsyslog)])];
    const all = [...args, ...sinks.flatMap((sink) => ['--sink', sink])];
    const resolver = await startResolver(etcd.url);
    const announcer = await startAnnouncer(etcd.url, docker, 'node-1', { args: all });
    return new Day({ etcd, docker, image, rsyslog, sinkFile, announcer, resolver }, all);
  }

  async end(): Promise<void> {
    await this.announcer.end('SIGTERM');
    await this.resolver.end('SIGTERM');
    await this.rsyslog?.stop();
    await this.docker.stop();
    await this.etcd.stop();
  }

  /** On the same data directory, as after an upgrade. */
  async startAnnouncer(): Promise<void> {
    const { etcd, docker, announcer } = this;
    const options = { args: this.#announcerArgs, dataDir: announcer.dataDir };
    this.announcer = await startAnnouncer(etcd.url, docker, 'node-1', options);
  }

  async startResolver(): Promise<void> {
    this.resolver = await startResolver(this.etcd.url, { dataDir: this.resolver.dataDir });
  }

  /** `docker run` of a server on port 80 with a secret in its environment; `/flags` is the test's. */
  async run(container: string, service: string, { args = [], script = SERVE }: RunOptions = {}): Promise<string> {
    const id = await this.docker.run([
      ...['--name', container, '-l', `rollcall.name=${service}`, '-e', `TOKEN=${SECRET}`],
      // Not one of Docker's choice: other engines of this machine choose from the same range.
      ...['-p', `127.0.0.1:${await freePort()}:80`, '-v', `${this.#flags}:/flags`],
      ...[...args, this.image, '/bin/sh', '-c', script],
    ]);
    this.ids.set(container, id);
    return id;
  }

  /** What a container's script or check looks at. */
  flag(name: string, isUp: boolean): void {
    const path = join(this.#flags, name);
    mkdirSync(this.#flags, { recursive: true });
    if (isUp) writeFileSync(path, '');
    else rmSync(path, { force: true });
  }

  id(container: string): string {
    const id = this.ids.get(container);
    if (id === undefined) throw new Error(`no container ${container} was started`);
    return id;
  }

  ask(name: string, type: string): Promise<Entry> {
    return this.diary.ask(name.endsWith(DOMAIN) ? name : `${name}.${DOMAIN}`, type);
  }

  /** Asks until the name has so many instances; none is NXDOMAIN. @returns milliseconds */
  async answers(service: string, count: number): Promise<number> {
    const began = performance.now();
    await until(
      `${count} instances of ${service}`,
      async () => {
        const { answer, status } = await this.ask(service, 'SRV');
        return answer.length === count && status === (count === 0 ? 'NXDOMAIN' : 'NOERROR');
      },
      PATIENCE,
    );
    return performance.now() - began;
  }

  /** Asks every name while nothing changes, and turns the page. */
  async turnPage(what: string, names: readonly string[]): Promise<void> {
    const page = await until(`nothing to change behind "${what}"`, () => this.#quietPage(what, names), PATIENCE);
    this.pages.push(page);
  }

  async #quietPage(what: string, names: readonly string[]): Promise<Page | undefined> {
    const sinceMs = Date.now();
    const entries: Entry[] = [];
    for (const name of names) for (const type of ['A', 'SRV']) entries.push(await this.ask(name, type));
    const atMs = Date.now();
    await until('the next millisecond', () => Date.now() > atMs, { everyMs: 1 });
    const path = `/v1/history?since=${sinceMs - 1}`;
    const { history } = await get<{ history: { type: string }[] }>(this.resolver.http, path);
    return history.every(({ type }) => type === 'ChangeAnswered') ? { what, atMs, entries } : undefined;
  }

  /**
   * Notes what the sinks must tell of a container next.
   *
   * @param patterns regular expressions of `action reason; `
   */
  lives(container: string, ...patterns: readonly string[]): void {
    this.#lives.set(container, (this.#lives.get(container) ?? '') + patterns.join(''));
  }

  /** The whole of what {@link lives} noted. */
  lifeOf(container: string): RegExp {
    return new RegExp(`^${this.#lives.get(container)}$`);
  }

  announcerCommand(...args: string[]): ReturnType<typeof rollcall> {
    return rollcall([...args, '--http', `127.0.0.1:${this.announcer.http}`]);
  }

  resolverCommand(...args: string[]): ReturnType<typeof rollcall> {
    return rollcall([...args, '--http', `127.0.0.1:${this.resolver.http}`]);
  }

  /** What the file sink has by now. */
  sinkRecords(): SinkRecord[] {
    if (!existsSync(this.sinkFile)) return [];
    const lines = readFileSync(this.sinkFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as SinkRecord);
  }

  /** Resolves with the first record of this kind from `sinceMs` on. */
  recorded(container: string, action: string, sinceMs = 0): Promise<SinkRecord> {
    const isIt = (record: SinkRecord): boolean =>
      record.container_name === container && record.action === action && Date.parse(record['@timestamp']) >= sinceMs;
    return until(`${action} of ${container} in the sink`, () => this.sinkRecords().find(isIt), PATIENCE);
  }
}

function logstashUrl({ jsonPorts }: Rsyslog): string {
  return `logstash://127.0.0.1:${jsonPorts[0]?.port}`;
}

/** JSON of a daemon. */
export async function get<T>(http: number, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${http}${path}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
