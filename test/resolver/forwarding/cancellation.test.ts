import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cancellation } from '../../../resolver/forwarding/cancellation.ts';

const test = suite('resolver/cancellation');

test('whoever listens is told once; who took it back is not, and who comes late is told at once', () => {
  const cancellation = new Cancellation();
  const told: string[] = [];
  const gone = (): void => void told.push('gone');
  const second = (): void => void told.push('second');
  cancellation.add(() => {
    told.push('first');
    cancellation.delete(second);
  });
  cancellation.add(second);
  cancellation.add(gone);
  cancellation.delete(gone);
  assert.is(cancellation.isCancelled, false);
  cancellation.cancel();
  cancellation.cancel();
  assert.equal(told, ['first']);
  assert.is(cancellation.isCancelled, true);
  cancellation.add(second);
  assert.equal(told, ['first', 'second']);
});

test.run();
