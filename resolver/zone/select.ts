import { labelsOf, nameOf, type OwnerName } from '../../shared/name.ts';
import { type KeyNode, type KeyRecord, stepsOf } from './key-node.ts';
import type { Facts, StoredRecord } from './stored-record.ts';
import type { Zone } from './zone.ts';

/** A stored record that answers something: its value is a record, and has a host or text. */
export interface UsableRecord extends StoredRecord {
  readonly facts: Facts;
}

/**
 * A lookup visits at most so many keys and segments. No message holds that many records (65,535 octets), and a pattern of
 * wildcards over a large zone must not keep other questions waiting.
 */
export const VISITS_MAX = 65_536;

/** What a lookup has left of {@link VISITS_MAX}; several selections may share it. */
export class VisitBudget {
  private left = VISITS_MAX;

  /** @throws {TooManyRecords} when nothing is left */
  spend(name: OwnerName): void {
    this.left -= 1;
    if (this.left < 0) throw new TooManyRecords(name);
  }
}

/** Unwinds a walk that went over {@link VISITS_MAX}; `lookup` makes it an outcome, SERVFAIL. */
export class TooManyRecords extends Error {
  override readonly name = 'TooManyRecords';
  constructor(name: OwnerName) {
    super(`${name} selects over ${VISITS_MAX} keys; ask for a name further down`);
  }
}

/**
 * The records that `name` selects, in etcd's key order: the key of the name and all keys below it, thinned by their
 * groups. The labels `*` and `any` match every label at their depth; a name that is literally there comes first.
 *
 * @throws {TooManyRecords}
 */
export function select(zone: Zone, name: OwnerName, budget = new VisitBudget()): UsableRecord[] {
  return chooseGroup(selectAll(zone, name, 'subtree', budget));
}

/** As {@link select}, but only the key of the name itself: what CNAME and PTR questions are answered from. */
export function selectExact(zone: Zone, name: OwnerName, budget = new VisitBudget()): UsableRecord[] {
  return selectAll(zone, name, 'exact', budget);
}

function selectAll(zone: Zone, name: OwnerName, extent: 'exact' | 'subtree', budget: VisitBudget): UsableRecord[] {
  const look = new Look(zone, name, budget);
  const { root } = zone.tree;
  const [pattern, wild] = patternsOf(name);
  look.descend(root, pattern, pattern.length - 1, extent);
  if (look.records.length === 0 && wild !== undefined) {
    // A name that is there by the keys below it has no key of its own to be found.
    const isThere = extent === 'exact' && look.reaches(root, pattern, pattern.length - 1);
    if (!isThere) look.descend(root, wild, wild.length - 1, extent);
  }
  return look.records.filter(isUsable);
}

/**
 * Whether a key stands at `name` or below it, whatever its value: then the name exists (RFC 8020).
 *
 * @throws {TooManyRecords}
 */
export function exists(zone: Zone, name: OwnerName, budget = new VisitBudget()): boolean {
  const look = new Look(zone, name, budget);
  return patternsOf(name).some((pattern) => look.reaches(zone.tree.root, pattern, pattern.length - 1));
}

/** The subtree that a look at `name` depends on: the name, each wildcard label of it as `*`. */
export function dependencyOf(name: OwnerName): OwnerName {
  const labels = labelsOf(name);
  return labels.includes('any') ? nameOf(labels.map((label) => (isWildcard(label) ? '*' : label))) : name;
}

/** Labels of a pattern, leftmost first; undefined matches every label. */
type Pattern = readonly (string | undefined)[];

/** `any` may be a service's name: the pattern in which it is one is tried first, the other only where that name is not there. */
function patternsOf(name: OwnerName): readonly [Pattern, ...Pattern[]] {
  const labels = labelsOf(name);
  const wild = labels.map((label) => (isWildcard(label) ? undefined : label));
  if (!labels.includes('any')) return [wild];
  return [labels.map((label) => (label === '*' ? undefined : label)), wild];
}

function isWildcard(label: string): boolean {
  return label === '*' || label === 'any';
}

function isUsable(record: KeyRecord): record is KeyRecord & UsableRecord {
  return record.facts !== undefined && (record.facts.host !== undefined || record.facts.traits.text !== undefined);
}

/** One walk through the tree. */
class Look {
  readonly records: KeyRecord[] = [];
  private readonly zone: Zone;
  private readonly name: OwnerName;
  private readonly budget: VisitBudget;

  constructor(zone: Zone, name: OwnerName, budget: VisitBudget) {
    this.zone = zone;
    this.name = name;
    this.budget = budget;
  }

  /** Goes down `pattern` from its label number `at` (the labels right of it are behind us) and gathers records in key order. */
  descend(node: KeyNode, pattern: Pattern, at: number, extent: 'exact' | 'subtree'): void {
    if (at < 0) {
      this.gather(node, extent);
      return;
    }
    const isLast = at === 0;
    for (const { place, node: next } of stepsOf(this.matching(node, pattern[at]))) {
      this.budget.spend(this.name);
      if (!place.endsWith('/')) {
        if (isLast) this.take(next);
      } else if (!isLast) {
        this.descend(next, pattern, at - 1, extent);
      } else if (extent === 'subtree') {
        this.gatherBelow(next);
      }
    }
  }

  /** Whether any node is at the end of `pattern`: a node exists only while a key is there or below. */
  reaches(node: KeyNode, pattern: Pattern, at: number): boolean {
    if (at < 0) return !node.isEmpty;
    for (const next of this.matching(node, pattern[at])) {
      this.budget.spend(this.name);
      if (this.reaches(next, pattern, at - 1)) return true;
    }
    return false;
  }

  private matching(node: KeyNode, label: string | undefined): Iterable<KeyNode> {
    return label === undefined ? node.children() : this.zone.tree.childrenFor(node, label);
  }

  private gather(node: KeyNode, extent: 'exact' | 'subtree'): void {
    this.take(node);
    if (extent === 'subtree') this.gatherBelow(node);
  }

  private gatherBelow(node: KeyNode): void {
    for (const { place, node: next } of stepsOf(node.children())) {
      this.budget.spend(this.name);
      if (place.endsWith('/')) this.gatherBelow(next);
      else this.take(next);
    }
  }

  private take(node: KeyNode): void {
    if (node.record !== undefined) this.records.push(node.record);
  }
}

/**
 * Keeps the records of one group, and those of none. The group is that of the first record, until a shallower key names
 * another; a shallower key of no group ends the search. Two groups at the chosen depth: no choice, all are kept.
 */
export function chooseGroup<R extends Pick<UsableRecord, 'depth'> & { facts: { traits: { group: string } } }>(
  records: R[],
): R[] {
  const first = records[0];
  if (first === undefined || records.every((record) => record.facts.traits.group === '')) return records;
  let { depth } = first;
  let { group } = first.facts.traits;
  for (const record of records) {
    if (record.depth >= depth) continue;
    if (record.facts.traits.group === '') break;
    depth = record.depth;
    group = record.facts.traits.group;
  }
  if (group === '') return records;
  const disagrees = records.some(
    (record) => record.depth === depth && record.facts.traits.group !== '' && record.facts.traits.group !== group,
  );
  if (disagrees) return records;
  return records.filter((record) => record.facts.traits.group === '' || record.facts.traits.group === group);
}
