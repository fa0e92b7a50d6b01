/** How SRV weights are sent: scaled to percent within a priority, as the peers do, or as stored. */
export type SrvWeights = 'percent' | 'raw';

const WEIGHT_MAX = 65535;

/**
 * The weight of each SRV RR, in the order given.
 *
 * Percent: `floor(100 / W * w)`, at least 1, with `W` the sum over the same priority. The division comes first, as in the
 * peers: in floating point one record of weight 97 gives 99.
 */
export function scaleWeights(
  records: readonly { readonly priority: number; readonly weight: number }[],
  mode: SrvWeights,
): number[] {
  if (mode === 'raw') return records.map(({ weight }) => Math.min(weight, WEIGHT_MAX));
  const sums = new Map<number, number>();
  for (const { priority, weight } of records) sums.set(priority, (sums.get(priority) ?? 0) + weight);
  return records.map(({ priority, weight }) =>
    Math.max(1, Math.floor((100.0 / (sums.get(priority) ?? weight)) * weight)),
  );
}
