import type { Metrics } from '../../shared/metrics.ts';
import type { UnansweredChanges } from './unanswered.ts';

/** Declares what is known of changes that nobody has asked for yet. */
export function unansweredMetrics(metrics: Metrics, changes: Pick<UnansweredChanges, 'count' | 'givenUp'>): void {
  metrics.gaugeOf(
    'rollcall_resolver_changes_unanswered',
    'Changes that no query has been answered with yet; at most 10,000, and for 10 minutes.',
    () => changes.count,
  );
  metrics.counterOf(
    'rollcall_resolver_changes_never_answered_total',
    'Changes that no query was answered with: the key changed again first (superseded), nobody asked for 10 minutes (age), or more than 10,000 waited (room).',
    ['why'],
    () => Object.entries(changes.givenUp).map(([why, total]) => [[why], total] as const),
  );
}
