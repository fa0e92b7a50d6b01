import { labelsOf, type OwnerName } from '../../shared/name.ts';

/** Most nodes are leaves with one holder, and there are as many as compiled answers: what is empty is left out. */
interface Node<T> {
  children: Map<string, Node<T>> | undefined;
  holders: Set<T> | undefined;
}

/** In a pattern, matches any one label. */
const WILDCARD = '*';

/**
 * Who depends on which names: a holder is registered under the names whose subtrees it looked at, `*` in them standing
 * for any one label, and is found by a change of any name in one of these subtrees. Finding costs the depth of the
 * name, not the number of holders.
 */
export class Dependents<T> {
  readonly #root: Node<T> = { children: undefined, holders: undefined };

  add(subtree: OwnerName, holder: T): void {
    let node = this.#root;
    const labels = labelsOf(subtree);
    for (let at = labels.length - 1; at >= 0; at -= 1) {
      const label = labels[at] as string;
      node.children ??= new Map();
      let child = node.children.get(label);
      if (child === undefined) {
        child = { children: undefined, holders: undefined };
        node.children.set(label, child);
      }
      node = child;
    }
    node.holders ??= new Set();
    node.holders.add(holder);
  }

  /** Takes away what `add` with the same arguments did; nothing when it was not there. */
  remove(subtree: OwnerName, holder: T): void {
    const labels = labelsOf(subtree);
    const path = [this.#root];
    for (let at = labels.length - 1; at >= 0; at -= 1) {
      const child = path.at(-1)?.children?.get(labels[at] as string);
      if (child === undefined) return;
      path.push(child);
    }
    path.at(-1)?.holders?.delete(holder);
    for (let depth = path.length - 1; depth > 0; depth -= 1) {
      const node = path[depth] as Node<T>;
      if (!isEmpty(node)) return;
      path[depth - 1]?.children?.delete(labels[labels.length - depth] as string);
    }
  }

  /** Adds to `found` every holder that looked at a subtree with `name` in it. */
  collect(name: OwnerName, found: Set<T>): void {
    const labels = labelsOf(name);
    let level = [this.#root];
    for (let at = labels.length; level.length > 0; at -= 1) {
      const next: Node<T>[] = [];
      for (const node of level) {
        if (node.holders !== undefined) for (const holder of node.holders) found.add(holder);
        if (at === 0 || node.children === undefined) continue;
        const label = labels[at - 1] as string;
        const exact = node.children.get(label);
        if (exact !== undefined) next.push(exact);
        const wild = label === WILDCARD ? undefined : node.children.get(WILDCARD);
        if (wild !== undefined) next.push(wild);
      }
      level = next;
    }
  }

  get isEmpty(): boolean {
    return isEmpty(this.#root);
  }
}

function isEmpty({ children, holders }: Node<unknown>): boolean {
  return (children === undefined || children.size === 0) && (holders === undefined || holders.size === 0);
}
