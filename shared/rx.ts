import {
  from,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  timer,
} from 'rxjs';

/**
 * Maps to inner observables one at a time. While one runs, only the newest value waits: the back-pressure for "make the
 * world equal to this", where an older wish is worth nothing once there is a newer one.
 */
export function conflateMap<T, R>(project: (value: T) => ObservableInput<R>): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let waiting: { value: T } | undefined;
      let running = false;
      let sourceDone = false;
      const run = (value: T): void => {
        running = true;
        let inner: Observable<R>;
        try {
          inner = from(project(value));
        } catch (error) {
          subscriber.error(error);
          return;
        }
        subscriber.add(
          inner.subscribe({
            next: (result) => subscriber.next(result),
            error: (error) => subscriber.error(error),
            complete: () => {
              running = false;
              const next = waiting;
              waiting = undefined;
              if (next !== undefined) run(next.value);
              else if (sourceDone) subscriber.complete();
            },
          }),
        );
      };
      subscriber.add(
        source.subscribe({
          next: (value) => {
            if (running) waiting = { value };
            else run(value);
          },
          error: (error) => subscriber.error(error),
          complete: () => {
            sourceDone = true;
            if (!running) subscriber.complete();
          },
        }),
      );
    });
}

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
  /** 0 to 1, injected: spreads the retries of many hosts (default `Math.random`). */
  readonly random?: () => number;
}

/** The wait before retry `attempt` (from 1): doubling from `baseMs` to `maxMs`, half of it random. */
export function backoffMs({ baseMs, maxMs, random = Math.random }: Backoff, attempt: number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + (ceiling / 2) * random();
}

/** For `retry({ delay: backoff({…}), resetOnSuccess: true })`. */
export function backoff(settings: Backoff): (error: unknown, attempt: number) => Observable<0> {
  return (_error, attempt) => timer(backoffMs(settings, attempt));
}

/** Errors with `makeError()` when the source is silent for `silentMs`; each emission starts the time anew. */
export function watchdog<T>(silentMs: number, makeError: () => Error): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable<T>((subscriber) => {
      const timeout = setTimeout(() => subscriber.error(makeError()), silentMs);
      subscriber.add(() => clearTimeout(timeout));
      subscriber.add(
        source.subscribe({
          next: (value) => {
            timeout.refresh();
            subscriber.next(value);
          },
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      );
    });
}
