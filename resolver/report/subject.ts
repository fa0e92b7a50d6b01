import { isWithin, labelsOf, type OwnerName, parseName } from '../../shared/name.ts';

/**
 * The names that a person may mean by `text`: the whole name when it is in one of the zones (or ends in a dot), else the
 * name in each zone, then as it stands.
 *
 * @throws {NameError} when it can be no name
 */
export function namesMeant(text: string, zones: readonly OwnerName[]): readonly OwnerName[] {
  const name = parseName(text);
  if (text.endsWith('.') || zones.some((zone) => isWithin(name, zone))) return [name];
  return [...zones.map((zone) => parseName(zone === '.' ? name : `${name}${zone}`)), name];
}

/** Whether `owner` is in the subtree of `pattern`, in which a label `*` matches any one. */
export function isInSubtree(owner: OwnerName, pattern: OwnerName): boolean {
  if (!pattern.includes('*')) return isWithin(owner, pattern);
  const wanted = labelsOf(pattern).reverse();
  const labels = labelsOf(owner).reverse();
  return labels.length >= wanted.length && wanted.every((label, at) => label === '*' || label === labels[at]);
}
