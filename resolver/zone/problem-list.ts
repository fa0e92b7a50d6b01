import type { EtcdKey } from '../../shared/name.ts';

/** A key that answers nothing, and why. */
export interface Problem {
  readonly key: EtcdKey;
  readonly reason: string;
}

/** At most so many problems are listed; all are counted. */
export const PROBLEMS_LISTED_MAX = 1000;

export class ProblemList {
  readonly listed = new Map<EtcdKey, string>();
  count = 0;

  add({ key, reason }: Problem): void {
    this.count += 1;
    if (this.listed.size < PROBLEMS_LISTED_MAX) this.listed.set(key, reason);
  }

  remove(key: EtcdKey): void {
    this.count -= 1;
    this.listed.delete(key);
  }
}
