/** Edge: attempts made from inside containers' network namespaces, each by a helper there. */
import { type Helper, HelperProcess, namespaceOf } from './helper-process.ts';
import { notMade, type Reply, type Request } from './probe-attempt.ts';

/** A process costs 40 ms to start and 40 MB to keep: most services are asked without one. */
export const HELPERS_MAX = 16;

export interface NamespacesSettings {
  /** Default: a process. @throws when none can be made */
  readonly enter?: (pid: number) => Helper;
  /** Default: what `/proc` says. */
  readonly namespaceOf?: (pid: number) => string;
}

interface Place {
  readonly helper: Helper;
  readonly hasEntered: Promise<boolean>;
  /** Attempts that it is kept for. */
  users: number;
}

const GONE: Reply = { passing: false, reached: false, detail: 'the container has no process any more' };

/** Each namespace that is asked has a helper, {@link HELPERS_MAX} at once; beyond them the one that was idle longest makes room. */
export class Namespaces {
  readonly #enter: (pid: number) => Helper;
  readonly #namespaceOf: (pid: number) => string;
  /** By network namespace (`net:[4026531840]`), the least recently used first. */
  readonly #places = new Map<string, Place>();
  /** Those for whom there is no room, in the order they came. */
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor({ enter, namespaceOf: named }: NamespacesSettings = {}) {
    this.#enter = enter ?? ((pid) => new HelperProcess(pid));
    this.#namespaceOf = named ?? namespaceOf;
  }

  /**
   * Makes the attempt in the namespace of the process. When every helper is at work it waits for one, no longer than the
   * attempt itself may take.
   *
   * @param isCurrent whether the pid is still the container's; asked after the namespace has been entered
   * @throws when not even a process can be made
   */
  async attempt(pid: number, request: Request, isCurrent: () => boolean): Promise<Reply> {
    const namespace = this.#namespaceOf(pid);
    if (namespace === '' || !isCurrent()) return GONE;
    const beganMs = performance.now();
    while (!this.#hasRoom(namespace)) {
      if (!(await this.#turn(request.timeoutMs - (performance.now() - beganMs)))) return noTurn(request);
      if (!isCurrent()) return GONE;
    }
    const place = this.#take(pid, namespace);
    try {
      const hasEntered = await place.hasEntered;
      if (!isCurrent()) return GONE;
      if (!hasEntered) return place.helper.failure('its network namespace cannot be entered: ');
      return await place.helper.ask(request);
    } finally {
      place.users -= 1;
      this.#wake();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { helper } of this.#places.values()) helper.end();
    this.#places.clear();
    this.#wake();
  }

  /** Whether the namespace has a helper or may get one; for that, one that is idle may have to go. */
  #hasRoom(namespace: string): boolean {
    if (this.#isClosed) return false;
    for (const [key, { helper }] of this.#places) if (helper.isEnded) this.#places.delete(key);
    if (this.#places.has(namespace) || this.#places.size < HELPERS_MAX) return true;
    for (const [key, { helper, users }] of this.#places) {
      if (users > 0) continue;
      helper.end();
      this.#places.delete(key);
      return true;
    }
    return false;
  }

  #take(pid: number, namespace: string): Place {
    const place = this.#places.get(namespace) ?? this.#open(pid, namespace);
    place.users += 1;
    this.#places.delete(namespace);
    this.#places.set(namespace, place);
    return place;
  }

  #open(pid: number, namespace: string): Place {
    const helper = this.#enter(pid);
    // The pid may have become another process's before nsenter opened it.
    const hasEntered = helper.isIn(namespace).then((isIn) => {
      if (!isIn) helper.end();
      return isIn;
    });
    return { helper, hasEntered, users: 0 };
  }

  /** Resolves when an attempt has ended; false when that took too long, or none is made any more. */
  #turn(withinMs: number): Promise<boolean> {
    if (this.#isClosed || withinMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve(!this.#isClosed);
      };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== go);
        resolve(false);
      }, withinMs);
      this.#waiting.push(go);
    });
  }

  /** All of them: whose namespace has a helper by now needs no room, and who finds none waits on. */
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }
}

function noTurn({ timeoutMs }: Request): Reply {
  return notMade(
    `${HELPERS_MAX} network namespaces, the most at once, are being asked, and none was done within ${timeoutMs / 1000} s`,
  );
}
