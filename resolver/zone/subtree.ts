import { labelsOf, type OwnerName } from '../../shared/name.ts';
import { type KeyNode, type KeyRecord, recordsBelow } from './key-node.ts';
import type { Zone } from './zone.ts';

/** Every record at `name` and below it, whatever its value says; wildcards stand for themselves. For listings, not for answers. */
export function* recordsIn(zone: Zone, name: OwnerName): Generator<KeyRecord> {
  let nodes: readonly KeyNode[] = [zone.tree.root];
  for (const label of labelsOf(name).reverse()) {
    nodes = nodes.flatMap((node) => [...zone.tree.childrenFor(node, label)]);
  }
  for (const node of nodes) {
    if (node.record !== undefined) yield node.record;
    yield* recordsBelow(node);
  }
}
