import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Observable, Subscription } from 'rxjs';
import { StartError } from '../../shared/component.ts';
import type { Sequenced } from '../../shared/journal/event.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { AnnouncerEvent } from '../event.ts';
import { ContainerBook } from './container-book.ts';
import { Feed } from './feed.ts';
import { DAMAGED, KeptJson } from './kept-json.ts';
import { jsonLine, syslogFrame, syslogMessage } from './lines.ts';
import { Pump } from './pump.ts';
import type { Receiver } from './receiver.ts';
import { ElasticsearchReceiver } from './receivers/elasticsearch.ts';
import { FileReceiver } from './receivers/file.ts';
import { StdoutReceiver } from './receivers/stdout.ts';
import { TcpReceiver } from './receivers/tcp.ts';
import { checkAccess } from './receivers/tls.ts';
import { UdpReceiver } from './receivers/udp.ts';
import type { SinkRecord } from './record.ts';
import type { SinkConfig } from './settings.ts';
import { sinkMetrics } from './sink-metrics.ts';
import type { SinkTarget } from './target.ts';

export interface SinksSettings {
  readonly config: SinkConfig;
  readonly journal: Journal<AnnouncerEvent>;
  /** Each event, after the journal has it. */
  readonly recorded$: Observable<Sequenced<AnnouncerEvent>>;
  readonly host: string;
  /** Of the announcer. */
  readonly dataDir: string;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** At least once: which of them it was sent already, nobody knows any more. */
const ALL_AGAIN = 'it is sent all that the journal has, once more';

const POSITION_EVERY_MS = 1_000;
const BOOK_EVERY_MS = 60_000;

interface Sink {
  readonly target: SinkTarget;
  readonly receiver: Receiver;
  readonly position: KeptJson;
  pump?: Pump;
}

/**
 * The audit sinks: each event of a container's life as a record, to every receiver that `--sink` names. The journal is
 * their spool, and a file for each remembers how far it is. Nothing here makes the announcer wait.
 */
export class Sinks {
  readonly #settings: SinksSettings;
  readonly #sinks: readonly Sink[];
  readonly #bookFile: KeptJson;
  /** New sinks begin with what comes from here on. */
  readonly #beginning: number;
  #book: ContainerBook;
  #following: Subscription | undefined;
  #started: Promise<void> = Promise.resolve();
  /** Ends the reading of what the sinks start from. */
  readonly #stopping = new AbortController();
  readonly #reopen = (): void => {
    for (const { receiver } of this.#sinks) receiver.reopen();
  };

  /**
   * Call before the first event of this process: it is the first that a new sink is sent.
   * @throws {StartError} a file that the settings name cannot be read, or the directory not be made
   */
  constructor(settings: SinksSettings) {
    const { config, dataDir, journal, log } = settings;
    const directory = join(dataDir, 'sinks');
    if (config.targets.length > 0) makeDirectory(directory);
    this.#settings = settings;
    this.#beginning = journal.status.lastSequence + 1;
    this.#book = new ContainerBook(config.labels);
    this.#bookFile = new KeptJson({
      path: join(directory, 'containers.json'),
      log,
      what: 'labels and services of the containers',
      cost: 'the next start reads them from the journal',
      costOfDamage: 'they are read from the journal',
      everyMs: BOOK_EVERY_MS,
    });
    this.#sinks = config.targets.map((target) => ({
      target,
      receiver: receiverOf(target),
      position: new KeptJson({
        path: join(directory, positionFileOf(target)),
        log,
        what: `position of ${target.url}`,
        cost: 'records are repeated, or begin anew, after the next start',
        costOfDamage: ALL_AGAIN,
        everyMs: POSITION_EVERY_MS,
      }),
    }));
  }

  /** Begins; what has to be read first is read meanwhile. */
  start(): void {
    if (this.#sinks.length === 0) return;
    process.on('SIGHUP', this.#reopen);
    this.#started = this.#start();
  }

  /** Sends what there is, for at most `graceMs`, and remembers how far each sink is. */
  async stop(graceMs: number): Promise<void> {
    const began = performance.now();
    process.off('SIGHUP', this.#reopen);
    const deadline = setTimeout(() => this.#stopping.abort(), graceMs);
    await this.#started;
    clearTimeout(deadline);
    const restMs = Math.max(0, graceMs - (performance.now() - began));
    await Promise.all(this.#sinks.map(({ pump, receiver }) => pump?.stop(restMs) ?? receiver.close()));
    this.#following?.unsubscribe();
    await Promise.all([this.#bookFile.flush(), ...this.#sinks.map(({ position }) => position.flush())]);
  }

  async #start(): Promise<void> {
    const { config, journal, host, recorded$, log, metrics } = this.#settings;
    const found = ContainerBook.fromJson(await this.#bookFile.read(), config.labels);
    // A book that is ahead of the journal belongs to one that was lost.
    if (found !== undefined && found.sequence <= journal.status.lastSequence) this.#book = found;
    const feed = new Feed({
      host,
      book: this.#book,
      read: (fromSequence) => journal.entries({ fromSequence }),
      nowMs: Date.now,
      lastSequence: journal.status.lastSequence,
    });
    // One with a hole is not kept: the next start would not look for what it lacks.
    let isBookWhole = false;
    const keepBook = (): void => {
      if (isBookWhole) this.#bookFile.keep(() => this.#book.toJson());
    };
    this.#following = recorded$.subscribe((entry) => {
      feed.push(entry);
      keepBook();
    });
    const pumps: { target: SinkTarget; pump: Pump }[] = [];
    for (const sink of this.#sinks) {
      const next = this.#nextOf(await sink.position.read(), sink.target);
      const onTaken = (taken: number): void => sink.position.keep(() => ({ next: taken, sink: sink.target.url }));
      onTaken(next);
      const { receiver, target } = sink;
      sink.pump = new Pump({ name: target.url, receiver, feed, next, onTaken, log, nowMs: Date.now });
      pumps.push({ target, pump: sink.pump });
    }
    sinkMetrics(metrics, pumps);
    await Promise.all(this.#sinks.map(({ position }) => position.flush()));
    try {
      await feed.open(this.#stopping.signal);
      isBookWhole = true;
      keepBook();
    } catch (error) {
      const text = `the journal cannot be read (${(error as Error).message}); records of containers that began before lack their labels and service until the next start, and are sent all the same`;
      log.warn('sink-book-incomplete', text);
    }
    if (!this.#stopping.signal.aborted) for (const { pump } of pumps) pump.start();
  }

  #nextOf(kept: unknown, { url }: SinkTarget): number {
    const { log } = this.#settings;
    if (kept === undefined) return this.#beginning;
    const next = kept === DAMAGED ? DAMAGED : (kept as { next?: unknown } | null)?.next;
    if (!Number.isSafeInteger(next) || (next as number) < 1) {
      if (next !== DAMAGED)
        log.warn('sink-file-unreadable', `position of ${url} is ${String(next)}, no number; ${ALL_AGAIN}`);
      return Math.min(this.#settings.journal.firstSequence, this.#beginning);
    }
    if ((next as number) <= this.#beginning) return next as number;
    const text = `${url} was sent events up to ${(next as number) - 1}, and the journal ends at ${this.#beginning - 1}: it was lost or replaced; going on with what comes now`;
    log.warn('sink-journal-replaced', text, { sink: url });
    return this.#beginning;
  }
}

/** @throws {StartError} a file of it cannot be read, or is not what it must be */
function receiverOf(target: SinkTarget): Receiver {
  const { pid } = process;
  if ('access' in target) checkAccess(target);
  switch (target.kind) {
    case 'logstash':
      return tcpReceiver(target, jsonLine);
    case 'syslog':
      return target.transport === 'udp'
        ? new UdpReceiver({ ...target, message: (record) => syslogMessage(record, pid) })
        : tcpReceiver(target, (record) => syslogFrame(record, pid));
    case 'elasticsearch':
      return new ElasticsearchReceiver({ target });
    case 'file':
      return new FileReceiver(target.path);
    case 'stdout':
      return new StdoutReceiver();
  }
}

function tcpReceiver(
  { host, port, tls, access }: Extract<SinkTarget, { readonly tls: boolean }>,
  frame: (record: SinkRecord) => string,
): Receiver {
  return new TcpReceiver({ host, port, frame, ...(tls && { tls: access }) });
}

/** By its URL: a sink keeps its place wherever it stands among the others, and whatever its certificates are called. */
function positionFileOf({ kind, id }: SinkTarget): string {
  return `${kind}-${createHash('sha256').update(id).digest('hex').slice(0, 16)}.json`;
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new StartError(`cannot make ${path}: ${(error as Error).message}; see --data-dir`, { cause: error });
  }
}
