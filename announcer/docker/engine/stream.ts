import { Observable, type Subscription } from 'rxjs';
import { type EngineEvent, LineFramer, parseEventLine } from '../events.ts';
import { type EngineClient, EngineError } from './engine.ts';

export type StreamItem =
  /** The engine has answered the request. It subscribes a moment later: `since` covers that moment. */
  | { readonly type: 'standing' }
  | { readonly type: 'event'; readonly event: EngineEvent }
  /** Something happened that could not be read: the caller reads everything anew. */
  | { readonly type: 'doubt'; readonly reason: string };

/** The engine's event stream from `sinceSeconds` on. Errors with an {@link EngineError} when it ends, however it ends. */
function eventStream(client: EngineClient, sinceSeconds: number): Observable<StreamItem> {
  return new Observable<StreamItem>((subscriber) => {
    let close: (() => void) | undefined;
    const framer = new LineFramer();
    const ended = (why: string): void =>
      subscriber.error(new EngineError('interrupted', `the event stream ended (${why})`));
    client.events(sinceSeconds).then(
      (stream) => {
        close = () => stream.destroy();
        stream.on('error', (error: NodeJS.ErrnoException) => ended(error.code ?? error.message));
        stream.on('end', () => ended('by the engine'));
        stream.on('close', () => ended('connection closed'));
        if (subscriber.closed) return close();
        subscriber.next({ type: 'standing' });
        stream.on('data', (chunk: Buffer) => {
          for (const item of itemsOf(framer, chunk)) subscriber.next(item);
        });
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => close?.();
  });
}

function itemsOf(framer: LineFramer, chunk: Buffer): StreamItem[] {
  const { lines, skipped } = framer.push(chunk);
  const items: StreamItem[] = [];
  for (const line of lines) {
    const parsed = parseEventLine(line);
    if (parsed.type === 'event') items.push(parsed);
    if (parsed.type === 'unreadable') items.push({ type: 'doubt', reason: parsed.reason });
  }
  if (skipped > 0) items.push({ type: 'doubt', reason: `${skipped} event(s) longer than the limit` });
  return items;
}

export interface RenewSettings {
  /** A stream lives this long: a half-open one, or one that a proxy has forgotten, would be silent for ever. */
  readonly renewMs: number;
  /** How long the old stream is read on beside the new one. */
  readonly overlapMs: number;
  /** The engine's clock. */
  readonly engineNowMs: () => number;
}

/** A second before now, because the engine takes whole seconds and its clock ticks on while it subscribes. */
const SINCE_SLACK_MS = 1000;

/**
 * {@link eventStream} without end: opens a new one every `renewMs` and closes the old one only after both have been read
 * for `overlapMs`. Events repeat at each seam, and none is missed. `standing` is said once.
 */
export function renewedStream(client: EngineClient, settings: RenewSettings): Observable<StreamItem> {
  return new Observable<StreamItem>((subscriber) => {
    let current: Subscription | undefined;
    let isStanding = false;
    const open = (): void => {
      const previous = current;
      const sinceSeconds = Math.floor((settings.engineNowMs() - SINCE_SLACK_MS) / 1000);
      let closing: NodeJS.Timeout | undefined;
      const next = eventStream(client, sinceSeconds).subscribe({
        next: (item) => {
          if (item.type !== 'standing') return subscriber.next(item);
          if (!isStanding) subscriber.next(item);
          isStanding = true;
          closing = setTimeout(() => previous?.unsubscribe(), settings.overlapMs);
        },
        // Of an old stream it means nothing: the new one began before, and its `since` covers the seam.
        error: (error: unknown) => {
          if (current === next || current === previous) subscriber.error(error);
        },
      });
      next.add(() => clearTimeout(closing));
      next.add(() => previous?.unsubscribe());
      current = next;
    };
    open();
    const renewing = setInterval(open, settings.renewMs);
    return () => {
      clearInterval(renewing);
      current?.unsubscribe();
    };
  });
}
