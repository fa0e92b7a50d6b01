/** Something that is heard from, and when it was last. */
export interface Heard {
  heardAtMs: number;
}

export interface SilenceSettings {
  /** Between two checks, when all is well. */
  readonly everyMs: number;
  /** Who has said nothing for so long hangs. */
  readonly silentMaxMs: number;
}

/** A check that comes later than so many of its intervals: the process that checks has stood still itself. */
const LATE_INTERVALS = 2;

/** Finds who has said nothing for too long, by a check at intervals. */
export class SilenceCheck {
  readonly #settings: SilenceSettings;
  #checkedAtMs: number;

  constructor(settings: SilenceSettings, nowMs: number) {
    this.#settings = settings;
    this.#checkedAtMs = nowMs;
  }

  /**
   * Those that are silent. After the process stood still (it was stopped, or its machine was) timers come before what
   * waits to be read: then nobody is, and everyone counts as heard.
   */
  silent<M extends Heard>(members: Iterable<M>, nowMs: number): M[] {
    const { everyMs, silentMaxMs } = this.#settings;
    const isLate = nowMs - this.#checkedAtMs > LATE_INTERVALS * everyMs;
    this.#checkedAtMs = nowMs;
    if (isLate) for (const member of members) member.heardAtMs = nowMs;
    return [...members].filter(({ heardAtMs }) => nowMs - heardAtMs >= silentMaxMs);
  }
}
