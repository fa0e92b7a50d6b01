import { type Observable, Subject, Subscription } from 'rxjs';
import type { Observation } from '../../observation.ts';

/** A daemon that stops gives its containers 10 s, and some more, to end. */
const LINGER_MS = 60_000;

/**
 * What event streams say that outlive their session. A daemon that is told to stop closes its socket first, so that looks
 * and pings fail, then ends its containers one by one, and tells the streams that are open of each.
 */
export class LastWords {
  readonly #said = new Subject<Observation>();
  #lingering = new Subscription();

  get observations$(): Observable<Observation> {
    return this.#said;
  }

  /** Listens on, at most {@link LINGER_MS}, until the stream ends or {@link end}. @param reading keeps the stream open */
  linger(reading: Subscription, said$: Observable<Observation>): void {
    this.end();
    const lingering = new Subscription();
    const timer = setTimeout(() => lingering.unsubscribe(), LINGER_MS);
    lingering.add(() => clearTimeout(timer));
    lingering.add(reading);
    reading.add(lingering);
    lingering.add(said$.subscribe({ next: (said) => this.#said.next(said), error: () => lingering.unsubscribe() }));
    this.#lingering = lingering;
  }

  end(): void {
    this.#lingering.unsubscribe();
  }
}
