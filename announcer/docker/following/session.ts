import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  defer,
  exhaustMap,
  finalize,
  ignoreElements,
  interval,
  merge,
  mergeMap,
  type Observable,
  repeat,
  Subject,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import type { Log } from '../../../shared/log.ts';
import { conflateMap } from '../../../shared/rx.ts';
import { COMPARISON } from '../../decisions/decider.ts';
import { ownerInMode } from '../../facts.ts';
import type { Ended, Observation } from '../../observation.ts';
import type { EngineClient, EngineHello } from '../engine/engine.ts';
import { renewedStream, type StreamItem } from '../engine/stream.ts';
import { causeOf, type EngineAction, type EngineEvent, millisecondsOf } from '../events.ts';
import { readFacts } from '../facts.ts';
import type { ListedContainer } from '../list.ts';
import { FailedLooks } from './failed-looks.ts';
import { hintOf, isEnding, noteEnd } from './hint.ts';
import { Inspector, type Look } from './inspector.ts';
import type { LastWords } from './last-words.ts';
import { readList } from './listing.ts';
import type { Known, SessionMemory } from './memory.ts';
import { causeOfRun } from './run-cause.ts';

export interface SessionSettings {
  readonly log: Log;
  readonly nowMs: () => number;
  /** The periodic comparison: the list is read, and what it says differently is inspected, with a tenth of the rest, 100 at most. */
  readonly resyncMs: number;
  readonly pingMs: number;
  readonly pingTimeoutMs: number;
  readonly renewMs: number;
  readonly overlapMs: number;
}

export type SessionItem =
  | { readonly type: 'observation'; readonly observation: Observation }
  | { readonly type: 'up'; readonly hello: EngineHello; readonly synced: boolean };

/** What the announcer may ask of a session. */
export type EngineRequest =
  | { readonly type: 'look'; readonly container: string; readonly cause: string; readonly causedAtMs?: number }
  | { readonly type: 'resync'; readonly cause: string };

/**
 * One connection to the engine, from the first ping to the loss, with which it errors. In the order that leaves no gap:
 * a time, the stream since a second before it, then the list and the inspects; what the stream says meanwhile leads to
 * looks of its own.
 */
export function engineSession(
  client: EngineClient,
  memory: SessionMemory,
  lastWords: LastWords,
  requests$: Observable<EngineRequest>,
  settings: SessionSettings,
): Observable<SessionItem> {
  return defer(() => client.hello()).pipe(
    switchMap((hello) => {
      const offsetMs = (hello.clockMs ?? settings.nowMs()) - settings.nowMs();
      const session = new Session(client, memory, lastWords, hello, settings);
      const stream$ = renewedStream(client, { ...settings, engineNowMs: () => settings.nowMs() + offsetMs });
      const streamed$ = new Subject<StreamItem>();
      const reading = stream$.subscribe(streamed$);
      return merge(
        session.items$,
        session.failures$.pipe(switchMap((error) => throwError(() => error))),
        streamed$.pipe(
          tap((item) => session.take(item)),
          ignoreElements(),
        ),
        requests$.pipe(
          tap((request) => session.serve(request)),
          ignoreElements(),
        ),
        merge(session.syncs$, comparisons(memory, settings.resyncMs)).pipe(
          conflateMap(() => session.sync()),
          ignoreElements(),
        ),
        interval(settings.pingMs).pipe(
          exhaustMap(() => client.ping(settings.pingTimeoutMs)),
          ignoreElements(),
        ),
      ).pipe(
        tap({
          error: () => lastWords.linger(reading, streamed$.pipe(mergeMap((item) => session.lastWordsOf(item)))),
          unsubscribe: () => reading.unsubscribe(),
        }),
        finalize(() => session.close()),
      );
    }),
    finalize(() => client.reset()),
  );
}

/** A list of thousands costs the engine and us what is in it: 5,000 containers are compared every 125 s, not every 60. */
const COMPARISON_MS_EACH = 25;

function comparisons({ known }: SessionMemory, everyMs: number): Observable<unknown> {
  return defer(() => timer(Math.max(everyMs, known.size * COMPARISON_MS_EACH))).pipe(repeat());
}

class Session {
  readonly items$ = new Subject<SessionItem>();
  readonly failures$ = new Subject<unknown>();
  readonly syncs$ = new Subject<void>();
  readonly #client: EngineClient;
  readonly #memory: SessionMemory;
  readonly #lastWords: LastWords;
  readonly #hello: EngineHello;
  readonly #settings: SessionSettings;
  readonly #inspector: Inspector;
  readonly #failed: FailedLooks;
  /** Stop signals of containers not yet inspected in this session. */
  readonly #early = new Map<string, EngineEvent>();
  /** What was inspected and what vanished since the list that is under way was asked for. */
  #sinceList: { readonly seen: Set<string>; readonly gone: Set<string> } | undefined;
  /** Containers of which something was told since the newest list was asked for: what that said of them is old. */
  #toldSinceList = new Set<string>();
  #isClosed = false;
  /** Inspect all at the next sync, and why. */
  #doubt: string | undefined;

  constructor(
    client: EngineClient,
    memory: SessionMemory,
    lastWords: LastWords,
    hello: EngineHello,
    settings: SessionSettings,
  ) {
    this.#lastWords = lastWords;
    this.#client = client;
    this.#memory = memory;
    this.#hello = hello;
    this.#settings = settings;
    this.#inspector = new Inspector(
      client,
      (look) => this.#onLook(look),
      (error, container) => this.#onLookFailed(error, container),
    );
    this.#failed = new FailedLooks({
      log: settings.log,
      ping: () => client.ping(settings.pingTimeoutMs),
      lookAgain: (container) => this.#inspector.look(container, 'list', 'routine'),
      onLost: (error) => this.failures$.next(error),
    });
  }

  take(item: StreamItem): void {
    if (item.type === 'event') {
      this.#onEvent(item.event);
      return;
    }
    if (item.type === 'doubt') {
      this.#settings.log.warn('engine-event-unread', `${item.reason}; reading all containers anew`);
    }
    this.serve({ type: 'resync', cause: 'list' });
  }

  /** Of a stream that outlives the session: what withdraws at once, and nothing that would need a look. */
  lastWordsOf(item: StreamItem): Observation[] {
    if (item.type !== 'event') return [];
    const known = this.#memory.known.get(item.event.container);
    if (known === undefined) return [];
    noteEnd(item.event, known);
    const hint = hintOf(item.event, known, this.#settings.nowMs());
    return hint === undefined ? [] : [hint];
  }

  serve(request: EngineRequest): void {
    if (request.type === 'look') {
      void this.#inspector.look(request.container, request.cause, 'urgent', request.causedAtMs);
      return;
    }
    this.#doubt = request.cause;
    this.syncs$.next();
  }

  async sync(): Promise<void> {
    const cause = this.#doubt ?? COMPARISON;
    const isFull = this.#doubt !== undefined;
    this.#doubt = undefined;
    this.#sinceList = { seen: new Set(), gone: new Set() };
    this.#toldSinceList = new Set();
    const listed = await readList(await this.#client.list());
    if (this.#isClosed) return;
    const { seen, gone } = this.#sinceList;
    this.#sinceList = undefined;
    const present = new Set([...listed.map(({ id }) => id), ...seen].filter((id) => !gone.has(id)));
    this.#memory.retain(present);
    this.#observe({ atMs: this.#settings.nowMs(), type: 'listed', containers: [...present] });
    // What is said from here on leads to looks of this session.
    this.#lastWords.end();
    if (isFull) this.items$.next({ type: 'up', hello: this.#hello, synced: false });
    await nextTurn();
    if (this.#isClosed) return;
    const due = isFull ? listed : this.#memory.due(listed);
    await Promise.all(due.map((container) => this.#lookAtListed(container, cause)));
    if (isFull) this.items$.next({ type: 'up', hello: this.#hello, synced: true });
  }

  close(): void {
    this.#isClosed = true;
    this.#inspector.close();
    this.#failed.close();
  }

  async #lookAtListed({ id, print }: ListedContainer, cause: string): Promise<void> {
    await this.#inspector.look(id, cause, 'routine');
    const known = this.#memory.known.get(id);
    // An event's look may have found it changed since: were it changed back unseen, an old print would hide that.
    if (known !== undefined && !this.#toldSinceList.has(id)) known.print = print;
  }

  #onEvent(event: EngineEvent): void {
    if (!this.#memory.seen.add(event)) return;
    const { container } = event;
    this.#toldSinceList.add(container);
    const [cause, causedAtMs] = [causeOf(event), millisecondsOf(event.timeNano)];
    if (event.action === 'destroy') {
      this.#inspector.distrust(container);
      this.#onVanished(container, cause, causedAtMs);
      return;
    }
    if (isEnding(event)) {
      // A look under way may have been answered before this; its `running` would announce what is going.
      this.#inspector.distrust(container);
      const known = this.#memory.known.get(container);
      if (known !== undefined) {
        noteEnd(event, known);
        this.#hint(event, known);
      } else if (event.action === 'kill') this.#early.set(container, event);
    }
    const look = (): void => {
      void this.#inspector.look(container, cause, 'urgent', causedAtMs);
      if (CHANGES_NETWORK.has(event.action)) this.#lookAtSharers(container, cause, causedAtMs);
    };
    // Making the request takes as long as the withdrawal that was just concluded takes to be sent: that goes first.
    if (isEnding(event)) setImmediate(look);
    else look();
  }

  /** What becomes of a container's network becomes of those that share it, and no event of theirs tells it. */
  #lookAtSharers(container: string, cause: string, causedAtMs: number | undefined): void {
    for (const id of this.#memory.sharersOf(container)) {
      this.#inspector.distrust(id);
      void this.#inspector.look(id, cause, 'urgent', causedAtMs);
    }
  }

  #hint(event: EngineEvent, known: Known): void {
    const hint = hintOf(event, known, this.#settings.nowMs());
    if (hint !== undefined) this.#observe(hint);
  }

  #onLook({ container, raw, ...why }: Look): void {
    if (raw === undefined) {
      this.#onVanished(container, why.cause, why.causedAtMs);
      return;
    }
    const facts = readFacts(raw);
    const atMs = this.#settings.nowMs();
    const before = this.#memory.known.get(container);
    const { startedAt, labels, networkMode } = facts;
    const isNewRun = before?.startedAt !== startedAt;
    const told = isNewRun ? {} : endOf(before);
    const known = {
      startedAt,
      labels,
      inspectedAtMs: atMs,
      networkOwner: ownerInMode(networkMode),
      print: '',
      ...told,
    };
    this.#memory.learn(container, known);
    this.#sinceList?.seen.add(container);
    this.#sinceList?.gone.delete(container);
    if (before !== undefined && isNewRun) this.#lookAtSharers(container, why.cause, why.causedAtMs);
    const ofNewRun = isNewRun ? { ...causeOfRun(why, facts), ...endOf(before) } : why;
    this.#observe({ atMs, type: 'inspected', facts, ...ofNewRun });
    const early = this.#early.get(container);
    this.#early.delete(container);
    if (early !== undefined && facts.state === 'running') this.#hint(early, known);
  }

  #onVanished(container: string, cause: string, causedAtMs: number | undefined): void {
    const ended = endOf(this.#memory.known.get(container));
    this.#memory.forget(container);
    this.#early.delete(container);
    this.#sinceList?.seen.delete(container);
    this.#sinceList?.gone.add(container);
    const atMs = this.#settings.nowMs();
    const causedAt = causedAtMs === undefined ? {} : { causedAtMs };
    this.#observe({ atMs, type: 'vanished', container, cause, ...causedAt, ...ended });
    this.#lookAtSharers(container, cause, causedAtMs);
  }

  #onLookFailed(error: unknown, container: string): Promise<void> {
    const known = this.#memory.known.get(container);
    if (known !== undefined) known.print = '';
    return this.#failed.take(error, container);
  }

  #observe(observation: Observation): void {
    this.items$.next({ type: 'observation', observation });
  }
}

/** After these its network is another one, or gone. */
const CHANGES_NETWORK: ReadonlySet<EngineAction> = new Set(['start', 'die', 'stop', 'connect', 'disconnect']);

function endOf(known: Known | undefined): Ended {
  return {
    ...(known?.endedWith === undefined ? {} : { endedWith: known.endedWith }),
    ...(known?.outOfMemory === undefined ? {} : { outOfMemory: known.outOfMemory }),
  };
}
