import type { ZoneEvent } from '../zone/event.ts';
import type { FirstAnswer } from './unanswered.ts';

/** As the journal has it. */
export function answeredEvent({
  appliedAtMs,
  isLate: _isLate,
  atMs,
  ...of
}: FirstAnswer): Extract<ZoneEvent, { type: 'ChangeAnswered' }> {
  return { type: 'ChangeAnswered', atMs, ...of, afterMs: atMs - appliedAtMs };
}
