import { HttpError } from '../../shared/http.ts';
import type { Log } from '../../shared/log.ts';
import type { OwnerName } from '../../shared/name.ts';
import { Rcode } from '../../shared/rrset.ts';
import { type PastAnswerJson, pastText } from '../../shared/text/past-text.ts';
import { ExtendedError } from '../wire/opt.ts';
import { PAST_BUSY, type PastTold } from '../wire/past.ts';
import { paced } from './paced.ts';
import type { PastSettings } from './past-answer.ts';
import { type PastNameRead, readPastName } from './past-name.ts';
import { pastAnswerFor } from './past-routes.ts';
import type { ZoneEvents } from './zone-events.ts';

export interface PastTellerDeps {
  /** Undefined before the start. */
  journal(): ZoneEvents | undefined;
  readonly settings: PastSettings;
  /** What is asked for is before it. */
  nowMs(): number;
  /** For how long an answer is kept: of a clock that nobody sets; default `nowMs`. */
  steadyMs?(): number;
  readonly log: Log;
}

/** The one that is read for, and those that wait: the last of them has its answer before a client asks for the third time. */
const ASKED_MAX = 4;
/** How long an answer is given again, to who asks once more because it was late, or wants to see it another way. */
const KEPT_MS = 10_000;
const KEPT_MAX = 16;

interface Kept {
  readonly told: Promise<PastTold>;
  untilMs: number;
}

/**
 * Tells the past for names below `at.rollcall.`, in the words of `rollcall at`. Each answer is read from the journal's
 * files: one at a time, in slices, for few that wait.
 */
export class PastTeller {
  readonly #deps: PastTellerDeps;
  readonly #kept = new Map<OwnerName, Kept>();
  #asked = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isFailing = false;

  constructor(deps: PastTellerDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  tell(name: OwnerName): Promise<PastTold> {
    const nowMs = this.#deps.nowMs();
    const kept = this.#kept.get(name);
    if (kept !== undefined && this.#steadyMs() < kept.untilMs) return kept.told;
    const question = readPastName(name, this.#deps.settings.lookup.zones, nowMs);
    if (!question.ok) return Promise.resolve(refusal(Rcode.NXDOMAIN, question.problem));
    if (this.#asked >= ASKED_MAX) return Promise.resolve(PAST_BUSY);
    this.#asked += 1;
    const told = this.#last.then(() => this.#read(question));
    this.#last = told;
    const entry: Kept = { told, untilMs: Number.POSITIVE_INFINITY };
    void told.then(() => {
      this.#asked -= 1;
      entry.untilMs = this.#steadyMs() + KEPT_MS;
    });
    this.#keep(name, entry);
    return told;
  }

  #steadyMs(): number {
    return this.#deps.steadyMs?.() ?? this.#deps.nowMs();
  }

  #keep(name: OwnerName, entry: Kept): void {
    this.#kept.delete(name);
    // What is under way is the youngest, and fewer than are kept.
    for (const [oldest] of this.#kept) {
      if (this.#kept.size < KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(name, entry);
  }

  async #read({ names, type, atMs }: Extract<PastNameRead, { ok: true }>): Promise<PastTold> {
    const { journal, log, settings } = this.#deps;
    const opened = journal();
    if (opened === undefined) return notReady('the journal is not open yet; ask again in a moment');
    try {
      const answer = await pastAnswerFor(paced(opened), names, type, atMs, settings);
      this.#isFailing = false;
      // As /v1/at sends it, so that the words are the same.
      const text = pastText(JSON.parse(JSON.stringify(answer)) as PastAnswerJson);
      return { rcode: Rcode.NOERROR, lines: text.replaceAll('\t', ' ').split('\n') };
    } catch (error) {
      if (error instanceof HttpError) return refusal(Rcode.NXDOMAIN, error.message);
      const { message } = error as Error;
      if (!this.#isFailing)
        log.error('past-not-read', `the past was asked for over DNS, and reading it failed: ${message}`);
      this.#isFailing = true;
      return notReady(`the journal cannot be read: ${message}; the log of the resolver has more`);
    }
  }
}

function refusal(rcode: Rcode, text: string): PastTold {
  return { rcode, lines: [`; ${text}`] };
}

function notReady(text: string): PastTold {
  return { ...refusal(Rcode.SERVFAIL, text), extendedError: ExtendedError.NOT_READY };
}
