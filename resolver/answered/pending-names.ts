import { labelsOf, type OwnerName } from '../../shared/name.ts';

interface Node<T> {
  readonly label: string;
  readonly parent: Node<T> | undefined;
  children: Map<string, Node<T>> | undefined;
  held: Set<T> | undefined;
}

/** In a pattern, matches any one label. */
const WILDCARD = '*';

/**
 * What is held under names, found by a subtree of theirs: the other way round than `Dependents`, which finds subtrees by a
 * name in them. Finding costs the depth of the subtree and what is held in it.
 */
export class PendingNames<T> {
  readonly #root: Node<T> = { label: '', parent: undefined, children: undefined, held: undefined };

  add(name: OwnerName, item: T): void {
    let node = this.#root;
    const labels = labelsOf(name);
    for (let at = labels.length - 1; at >= 0; at -= 1) {
      const label = labels[at] as string;
      node.children ??= new Map();
      let child = node.children.get(label);
      if (child === undefined) {
        child = { label, parent: node, children: undefined, held: undefined };
        node.children.set(label, child);
      }
      node = child;
    }
    node.held ??= new Set();
    node.held.add(item);
  }

  /** Takes away what `add` with the same arguments did; nothing when it was not there. */
  remove(name: OwnerName, item: T): void {
    let node = this.#root;
    const labels = labelsOf(name);
    for (let at = labels.length - 1; at >= 0; at -= 1) {
      const child = node.children?.get(labels[at] as string);
      if (child === undefined) return;
      node = child;
    }
    node.held?.delete(item);
    for (let leaf = node; leaf.parent !== undefined && isEmpty(leaf); leaf = leaf.parent) {
      leaf.parent.children?.delete(leaf.label);
    }
  }

  /** Adds to `found` what is held under a name in `subtree`, in which a label `*` stands for any one. */
  collect(subtree: OwnerName, found: Set<T>): void {
    const labels = labelsOf(subtree);
    descend(this.#root, labels, labels.length - 1, found);
  }

  get isEmpty(): boolean {
    return isEmpty(this.#root);
  }
}

/** @param at the label to go down by; behind the first one, everything below counts */
function descend<T>(from: Node<T>, labels: readonly string[], at: number, found: Set<T>): void {
  let node = from;
  for (let next = at; next >= 0; next -= 1) {
    const { children } = node;
    if (children === undefined) return;
    const label = labels[next] as string;
    if (label === WILDCARD) {
      for (const child of children.values()) descend(child, labels, next - 1, found);
      return;
    }
    const child = children.get(label);
    if (child === undefined) return;
    node = child;
  }
  gather(node, found);
}

function gather<T>({ held, children }: Node<T>, found: Set<T>): void {
  if (held !== undefined) for (const item of held) found.add(item);
  if (children !== undefined) for (const child of children.values()) gather(child, found);
}

function isEmpty({ children, held }: Node<unknown>): boolean {
  return (children === undefined || children.size === 0) && (held === undefined || held.size === 0);
}
