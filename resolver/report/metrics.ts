import type { Metrics } from '../../shared/metrics.ts';
import type { Leases } from '../following/leases.ts';
import type { LiveZone } from '../following/live-zone.ts';

/** Declares what is read off the zone when it is scraped. */
export function zoneMetrics(metrics: Metrics, live: LiveZone, leases: Pick<Leases, 'size'>, nowMs: () => number): void {
  const { zone } = live;
  metrics.gaugeOf('rollcall_resolver_zone_revision', 'Revision of the store that the zone stands at.', () =>
    Number(zone.revision),
  );
  metrics.gaugeOf('rollcall_resolver_zone_records', 'Keys in the zone, bad ones included.', () => zone.size);
  metrics.gaugeOf(
    'rollcall_resolver_bad_records',
    'Keys that answer nothing: the value is no record, or the key no name. /v1/services lists them.',
    () => zone.problemCount,
  );
  metrics.gaugeOf(
    'rollcall_resolver_leases',
    'Leases that keys of the zone are on, as far as they are known.',
    () => leases.size,
  );
  metrics.gaugeOf('rollcall_resolver_synced', '1 while the store is followed with nothing missing, else 0.', () =>
    live.isLive ? 1 : 0,
  );
  metrics.gaugeOf(
    'rollcall_resolver_zone_stale_seconds',
    'For how long nobody has known whether the zone is true; 0 while it is followed. Past --max-stale answers are SERVFAIL.',
    () => live.staleMs(nowMs()) / 1000,
  );
  metrics.gaugeOf(
    'rollcall_resolver_watch_lag_seconds',
    'Since the watch or the store last confirmed the zone; below about 5 while all is well, whether anything changes or not.',
    () => live.unconfirmedMs(nowMs()) / 1000,
  );
  metrics.counterOf(
    'rollcall_resolver_drift_total',
    'Keys found to differ from the store though no watch had broken; each was repaired.',
    [],
    () => [[[], live.driftTotal]],
  );
}
