import { SeenEvents } from './events.ts';
import type { ListedContainer } from './list.ts';

/** Of the last inspect of a container. */
export interface Known {
  readonly startedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inspectedAtMs: number;
  /** What the list said before that inspect; empty when it must be inspected again. */
  print: string;
}

/** Every container is inspected once in so many periodic comparisons, whatever the list says. */
const ROTATION = 10;

/** What outlives a connection, so that the next one neither repeats events nor takes an old one for new. */
export class SessionMemory {
  readonly seen = new SeenEvents();
  readonly known = new Map<string, Known>();

  /** Forgets the containers that are not in `present`. */
  retain(present: ReadonlySet<string>): void {
    for (const id of this.known.keys()) if (!present.has(id)) this.known.delete(id);
  }

  /** Those of which the list says something else than before their last inspect, and those whose inspect is the oldest. */
  due(listed: readonly ListedContainer[]): readonly ListedContainer[] {
    const isChanged = ({ id, print }: ListedContainer): boolean => this.known.get(id)?.print !== print;
    const inspectedAtMs = ({ id }: ListedContainer): number => this.known.get(id)?.inspectedAtMs ?? 0;
    const oldest = listed
      .filter((container) => !isChanged(container))
      .sort((a, b) => inspectedAtMs(a) - inspectedAtMs(b))
      .slice(0, Math.ceil(listed.length / ROTATION));
    return [...listed.filter(isChanged), ...oldest];
  }
}
