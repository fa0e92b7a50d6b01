import { randomInt } from 'node:crypto';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import type { Log } from '../../shared/log.ts';
import { type OwnerName, ROOT } from '../../shared/name.ts';
import { Rcode, RrType } from '../../shared/rrset.ts';
import { HeaderFlag } from '../wire/header-flags.ts';
import { Cancellation } from './cancellation.ts';
import {
  ExchangeError,
  type ExchangeLimits,
  exchangeTcp,
  exchangeUdp,
  type OutgoingQuery,
  type Reply,
} from './exchange.ts';
import { fullRcode, queryOf, type ScannedMessage, scanMessage, upstreamQuery } from './message.ts';
import type { ForwardMetrics } from './metrics.ts';
import { answered, attemptOrder, failed, isHealthy, type Upstream, upstreamsOf } from './upstreams.ts';
import { within } from './within.ts';

/** A stub resolver gives up on its first try after 5 s (resolv.conf(5), `timeout`): by then it must have an answer. */
export const TOTAL_TIMEOUT_MS = 4400;
export const ATTEMPT_TIMEOUT_MS = 1500;
/** As many as fit {@link TOTAL_TIMEOUT_MS}. */
const ATTEMPTS_MAX = 3;
const PROBE_TIMEOUT_MS = 1000;

/** What another server may know better: it is asked next. */
const WORTH_ANOTHER: ReadonlySet<number> = new Set([Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED, Rcode.FORMERR]);

/** One server asked once. */
interface Attempt {
  /** Which upstream. */
  readonly at: number;
  /** Its failure is in the metrics and in the health. */
  isCounted: boolean;
  /** Never rejects for want of an answer. */
  readonly ended: Promise<{
    readonly attempt: Attempt;
    readonly reply: Reply | undefined;
    readonly isUnreachable: boolean;
  }>;
}

/** The servers for one part of the name space, in order of preference, with their health. */
export class UpstreamGroup {
  /** Names at and below it are asked here; the root for the default group. */
  readonly zone: OwnerName;
  readonly #log: Log;
  readonly #metrics: ForwardMetrics;
  readonly #closing: Cancellation;
  readonly #upstreams: Upstream[];
  #probeTimer: NodeJS.Timeout | undefined;
  #isRetired = false;

  constructor(
    zone: OwnerName,
    addresses: readonly HostPort[],
    deps: { readonly log: Log; readonly metrics: ForwardMetrics; readonly closing: Cancellation },
  ) {
    this.zone = zone;
    this.#upstreams = [...upstreamsOf(addresses)];
    this.#log = deps.log;
    this.#metrics = deps.metrics;
    this.#closing = deps.closing;
    deps.closing.add(this.#stopProbing);
  }

  get healthy(): number {
    return this.#upstreams.filter(isHealthy).length;
  }

  get size(): number {
    return this.#upstreams.length;
  }

  /** Others are asked from now on: those on their way are waited for, and nobody is probed any more. */
  retire(): void {
    this.#isRetired = true;
    this.#stopProbing();
    this.#closing.delete(this.#stopProbing);
  }

  readonly #stopProbing = (): void => clearTimeout(this.#probeTimer);

  /**
   * Asks one server after the other until one has a good answer; each after a wait of {@link ATTEMPT_TIMEOUT_MS}, or as soon as the
   * one before has failed. Who was slower than that may still answer. A server that fails to say (SERVFAIL, REFUSED, …) is
   * believed only when none says better. Undefined when none answered within {@link TOTAL_TIMEOUT_MS}.
   */
  async ask(client: Uint8Array, scanned: ScannedMessage): Promise<Reply | undefined> {
    const over = new Cancellation();
    const onClosing = (): void => over.cancel();
    this.#closing.add(onClosing);
    try {
      return await this.#askInTurn(client, scanned, over);
    } finally {
      this.#closing.delete(onClosing);
      over.cancel();
    }
  }

  async #askInTurn(client: Uint8Array, scanned: ScannedMessage, over: Cancellation): Promise<Reply | undefined> {
    const deadlineMs = performance.now() + TOTAL_TIMEOUT_MS;
    const passedBy = new Set<number>();
    const waiting = new Set<Attempt>();
    let second: Reply | undefined;
    if (this.healthy === 0) this.#metrics.allDown();
    // After the last attempt, those on their way have what is left of the time.
    for (const at of [...attemptOrder(this.#upstreams, ATTEMPTS_MAX), undefined]) {
      if (at !== undefined && passedBy.has(at)) continue;
      if (deadlineMs - performance.now() < 1 || over.isCancelled) break;
      const attempt = at === undefined ? undefined : this.#begin(at, client, scanned, deadlineMs, over);
      if (attempt !== undefined) waiting.add(attempt);
      const untilMs = attempt === undefined ? deadlineMs : Math.min(deadlineMs, performance.now() + ATTEMPT_TIMEOUT_MS);
      while (waiting.size > 0 && (attempt === undefined || waiting.has(attempt))) {
        const leftMs = Math.max(0, untilMs - performance.now());
        const ended = await within(leftMs, Promise.race([...waiting].map((each) => each.ended)));
        if (ended === undefined) break;
        waiting.delete(ended.attempt);
        if (ended.reply !== undefined && isGood(ended.reply)) return ended.reply;
        second ??= ended.reply;
        if (ended.reply !== undefined || ended.isUnreachable) passedBy.add(ended.attempt.at);
      }
      if (attempt !== undefined && waiting.has(attempt) && !over.isCancelled) this.#gaveUpWaiting(attempt);
    }
    return second;
  }

  #begin(at: number, client: Uint8Array, scanned: ScannedMessage, deadlineMs: number, over: Cancellation): Attempt {
    const { address } = this.#upstreams[at] as Upstream;
    const to = formatHostPort(address);
    const startMs = performance.now();
    this.#metrics.sent(to);
    const attempt: Attempt = {
      at,
      isCounted: false,
      ended: converse(address, client, scanned, deadlineMs, over).then(
        (reply) => {
          this.#metrics.answered(to, reply.scanned.rcode, performance.now() - startMs);
          // Too late for whoever had another to ask: were it healthy for that, it would be waited for each time.
          if (!attempt.isCounted) this.#setHealth(at, answered(this.#upstreams[at] as Upstream), '');
          return { attempt, reply, isUnreachable: false };
        },
        (error: unknown) => {
          if (!(error instanceof ExchangeError)) throw error;
          if (!over.isCancelled) this.#countFailure(attempt, error.message);
          return { attempt, reply: undefined, isUnreachable: error.code === 'unreachable' };
        },
      ),
    };
    return attempt;
  }

  /** It may still answer; it has failed all the same. */
  #gaveUpWaiting(attempt: Attempt): void {
    const { address } = this.#upstreams[attempt.at] as Upstream;
    this.#countFailure(attempt, `${formatHostPort(address)} did not answer within ${ATTEMPT_TIMEOUT_MS} ms`);
  }

  #countFailure(attempt: Attempt, reason: string): void {
    if (attempt.isCounted) return;
    attempt.isCounted = true;
    const upstream = this.#upstreams[attempt.at] as Upstream;
    this.#metrics.failed(formatHostPort(upstream.address));
    this.#setHealth(attempt.at, failed(upstream, performance.now()), reason);
  }

  #setHealth(at: number, next: Upstream, reason: string): void {
    const before = this.#upstreams[at] as Upstream;
    this.#upstreams[at] = next;
    const address = formatHostPort(next.address);
    if (isHealthy(before) && !isHealthy(next)) {
      const others = this.healthy > 0 ? `${this.healthy} of ${this.size} still answer` : 'no upstream answers now';
      this.#log.warn('upstream-lost', `upstream ${address} failed ${next.failures} times: ${reason}; ${others}`, {
        address,
      });
    } else if (!isHealthy(before) && isHealthy(next)) {
      this.#log.info('upstream-regained', `upstream ${address} answers again`, { address });
    }
    if (!isHealthy(next)) this.#scheduleProbe();
  }

  /** Dead servers are probed beside the clients' queries, so that no client waits to find out that one is still dead. */
  #scheduleProbe(): void {
    clearTimeout(this.#probeTimer);
    const dueMs = Math.min(...this.#upstreams.map((each) => each.probeAtMs ?? Number.POSITIVE_INFINITY));
    if (!Number.isFinite(dueMs) || this.#closing.isCancelled || this.#isRetired) return;
    this.#probeTimer = setTimeout(() => void this.#probeDue(), Math.max(0, dueMs - performance.now()));
    this.#probeTimer.unref();
  }

  async #probeDue(): Promise<void> {
    const due = this.#upstreams.flatMap(({ probeAtMs }, at) =>
      probeAtMs !== undefined && probeAtMs <= performance.now() ? [at] : [],
    );
    await Promise.all(due.map((at) => this.#probe(at)));
    this.#scheduleProbe();
  }

  async #probe(at: number): Promise<void> {
    const { address } = this.#upstreams[at] as Upstream;
    const query = queryOf({ name: ROOT, type: RrType.NS });
    try {
      const outgoing = outgoingQuery(query, scanMessage(query) as ScannedMessage, true);
      await exchangeUdp(address, outgoing, { timeoutMs: PROBE_TIMEOUT_MS, cancellation: this.#closing });
      this.#setHealth(at, answered(this.#upstreams[at] as Upstream), '');
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.#metrics.probeFailed(formatHostPort(address));
      this.#upstreams[at] = failed(this.#upstreams[at] as Upstream, performance.now());
    }
  }
}

/**
 * One server's word: over UDP, without EDNS when it does not know EDNS, over TCP when the datagram was cut.
 *
 * @param deadlineMs for all of them together
 */
async function converse(
  server: HostPort,
  client: Uint8Array,
  scanned: ScannedMessage,
  deadlineMs: number,
  over: Cancellation,
): Promise<Reply> {
  const limits = (mostMs = TOTAL_TIMEOUT_MS): ExchangeLimits => {
    const leftMs = Math.floor(deadlineMs - performance.now());
    return { timeoutMs: Math.max(0, Math.min(mostMs, leftMs)), cancellation: over };
  };
  let reply = await exchangeUdp(server, outgoingQuery(client, scanned, true), limits());
  // RFC 6891 §7: a server that does not implement EDNS says FORMERR, or NOTIMP, without an OPT of its own.
  const knowsEdns = reply.scanned.opt !== undefined;
  if (!knowsEdns && (reply.scanned.rcode === Rcode.FORMERR || reply.scanned.rcode === Rcode.NOTIMP)) {
    reply = await exchangeUdp(server, outgoingQuery(client, scanned, false), limits());
  }
  if ((reply.scanned.flags & HeaderFlag.TC) === 0) return reply;
  try {
    return await exchangeTcp(server, outgoingQuery(client, scanned, knowsEdns), limits(ATTEMPT_TIMEOUT_MS));
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    // The server lives, its TCP does not: the cut answer is better than none, and its TC tells the client.
    return reply;
  }
}

/** Nobody need be asked in addition. */
function isGood({ scanned }: Reply): boolean {
  return !WORTH_ANOTHER.has(fullRcode(scanned)) && (scanned.flags & HeaderFlag.TC) === 0;
}

function outgoingQuery(client: Uint8Array, scanned: ScannedMessage, edns: boolean): OutgoingQuery {
  const id = randomInt(0x10000);
  return { octets: upstreamQuery(client, scanned, id, edns), id, scanned };
}
