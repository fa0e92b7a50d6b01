import { type EtcdKey, isUtf8Key, LABEL_OCTETS_MAX, NAME_OCTETS_MAX } from '../../shared/name.ts';
import { isAscii, KeyNode, labelOf } from './key-node.ts';

/** V8 makes a longer substring a view, which would keep the whole key alive. */
const COPIED_CHARS_MAX = 12;

/** Keys that are names, by their segments from the root down. */
export class KeyTree {
  readonly root = new KeyNode('', undefined);
  /** Children whose label is not their segment as it stands (upper case, not ASCII), by parent and label. */
  private readonly folded = new Map<KeyNode, Map<string, Set<KeyNode>>>();

  /** Whether some segment is not its own label; while none is, `child` of a node is as good as {@link childrenFor}. */
  get hasFolded(): boolean {
    return this.folded.size > 0;
  }

  find(segments: readonly string[]): KeyNode | undefined {
    let node: KeyNode | undefined = this.root;
    for (const segment of segments) {
      node = node.child(segment);
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** The node at `segments`, made when there is none. The caller puts a record there: no node stays empty. */
  grow(segments: readonly string[]): KeyNode {
    let node = this.root;
    for (const segment of segments) {
      let child = node.child(segment);
      if (child === undefined) {
        child = new KeyNode(copied(segment), node);
        node.add(child);
        this.fold(child, node, 'add');
      }
      node = child;
    }
    return node;
  }

  /** Removes `leaf` and what is above it, as far as it is empty. */
  prune(leaf: KeyNode): void {
    let node = leaf;
    while (node.isEmpty && node.parent !== undefined) {
      node.parent.remove(node);
      this.fold(node, node.parent, 'remove');
      node = node.parent;
    }
  }

  /** The children of `node` that stand for `label` (a binary string in lower case): one, unless keys differ in case alone. */
  childrenFor(node: KeyNode, label: string): KeyNode[] {
    const child = isAscii(label) ? node.child(label) : undefined;
    const others = this.folded.size === 0 ? undefined : this.folded.get(node)?.get(label);
    if (others === undefined) return child === undefined ? [] : [child];
    return child === undefined ? [...others] : [child, ...others];
  }

  private fold(child: KeyNode, parent: KeyNode, change: 'add' | 'remove'): void {
    const label = labelOf(child.segment);
    if (label === child.segment) return;
    const byLabel = this.folded.get(parent) ?? new Map<string, Set<KeyNode>>();
    const nodes = byLabel.get(label) ?? new Set<KeyNode>();
    if (change === 'add') nodes.add(child);
    else nodes.delete(child);
    if (nodes.size > 0) byLabel.set(label, nodes);
    else byLabel.delete(label);
    if (byLabel.size > 0) this.folded.set(parent, byLabel);
    else this.folded.delete(parent);
  }
}

/** The segments of a key below `prefix`, root first; undefined when the key is no name (RFC 1035 §2.3.4), or not UTF-8. */
export function segmentsOf(key: EtcdKey, prefix: string): string[] | undefined {
  const segments = key.slice(prefix.length + 1).split('/');
  let octets = 1;
  for (const segment of segments) {
    const isPlain = isAscii(segment);
    if (!isPlain && !isUtf8Key(segment)) return undefined;
    const length = isPlain ? segment.length : Buffer.byteLength(segment, 'utf8');
    if (length === 0 || length > LABEL_OCTETS_MAX) return undefined;
    octets += length + 1;
  }
  return octets <= NAME_OCTETS_MAX ? segments : undefined;
}

function copied(segment: string): string {
  if (segment.length <= COPIED_CHARS_MAX || !isAscii(segment)) return segment;
  return Buffer.from(segment, 'latin1').toString('latin1');
}
