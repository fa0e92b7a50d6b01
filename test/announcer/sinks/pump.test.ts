import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ALL_TAKEN, type Delivery, type Receiver, SinkError } from '../../../announcer/sinks/receiver.ts';
import type { SinkRecord } from '../../../announcer/sinks/record.ts';
import fc from '../../support/properties.ts';
import { numbers, pumping } from '../../support/pumping.ts';

const test = suite('announcer/sinks/pump');

/** What a receiver does with a batch; those it refuses are the numbers with that remainder by 3. */
type Outcome =
  | 'takes'
  | 'fails'
  | 'takes-and-fails'
  | { readonly refuses: 'now' | 'for-good'; readonly residue: number };

/** Does as it is told, then takes everything. */
class Told implements Receiver {
  readonly taken: number[] = [];
  readonly dropped: number[] = [];
  readonly #outcomes: Outcome[];

  constructor(outcomes: readonly Outcome[]) {
    this.#outcomes = [...outcomes];
  }

  async deliver(batch: readonly SinkRecord[]): Promise<Delivery> {
    const outcome = this.#outcomes.shift() ?? 'takes';
    if (outcome === 'fails') throw new SinkError('told to');
    const refused = typeof outcome === 'string' ? [] : batch.filter(({ sequence }) => sequence % 3 === outcome.residue);
    this.taken.push(...batch.filter((record) => !refused.includes(record)).map(({ sequence }) => sequence));
    if (outcome === 'takes-and-fails') throw new SinkError('told to, behind the last octet');
    if (typeof outcome === 'string') return ALL_TAKEN;
    if (outcome.refuses === 'now') return { dropped: [], again: refused };
    this.dropped.push(...refused.map(({ sequence }) => sequence));
    return { dropped: refused.map((record) => ({ record, reason: 'told to' })), again: [] };
  }

  reopen(): void {}

  async close(): Promise<void> {}

  isSettled(sequence: number): boolean {
    return this.taken.includes(sequence) || this.dropped.includes(sequence);
  }
}

const outcomes = fc.array(
  fc.oneof(
    fc.constantFrom<Outcome>('takes', 'fails', 'takes-and-fails'),
    fc.record({ refuses: fc.constantFrom('now' as const, 'for-good' as const), residue: fc.nat(2) }),
  ),
  { maxLength: 8 },
);

test('whatever a receiver does: each record is taken or dropped, and no place is remembered before that', () =>
  fc.assert(
    fc.asyncProperty(
      outcomes,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      async (told, bursts) => {
        const receiver = new Told(told);
        let place = 1;
        const onTaken = (next: number): void => {
          assert.ok(next >= place, 'a place never goes back');
          for (let sequence = place; sequence < next; sequence += 1) assert.ok(receiver.isSettled(sequence));
          place = next;
        };
        const { record, pump, stop } = await pumping(receiver, {
          onTaken,
          backoff: { baseMs: 1, maxMs: 1 },
          lingerMs: 0,
        });
        let count = 0;
        for (const burst of bursts) {
          record(burst);
          count += burst;
          await new Promise((resolve) => setImmediate(resolve));
        }
        while (place <= count) await new Promise((resolve) => setTimeout(resolve, 1));
        await stop();
        assert.equal(
          [...new Set([...receiver.taken, ...receiver.dropped])].sort((a, b) => a - b),
          numbers(count),
        );
        assert.is(pump.counts.dropped, receiver.dropped.length);
        assert.is(pump.counts.sent + pump.counts.dropped, count);
        assert.equal(pump.lag, { events: 0, ms: 0 });
      },
    ),
    { numRuns: 60 },
  ));

test('as long as nothing is refused alone, the order is that of the journal', async () => {
  const receiver = new Told(['fails', 'takes', 'takes-and-fails', 'takes']);
  const { record, allTaken, stop } = await pumping(receiver);
  for (let burst = 0; burst < 5; burst += 1) record(30);
  await allTaken();
  await stop();
  const firsts = receiver.taken.filter((sequence, at) => receiver.taken.indexOf(sequence) === at);
  assert.equal(firsts, numbers(150));
});

test.run();
