import { compareKeys, type EtcdKey, foldCase, nameOf, type OwnerName } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { Facts, StoredRecord } from './stored-record.ts';

/**
 * One key segment below its parent. A node exists only while a key stands at it or below it. Most nodes have one child
 * or none, so the map is made only for the second child: a million keys fit.
 */
export class KeyNode {
  /** As in the key: case and encoding kept. Empty at the root. */
  readonly segment: string;
  readonly parent: KeyNode | undefined;
  record: KeyRecord | undefined = undefined;
  private below: KeyNode | Map<string, KeyNode> | undefined = undefined;

  constructor(segment: string, parent: KeyNode | undefined) {
    this.segment = segment;
    this.parent = parent;
  }

  get isEmpty(): boolean {
    return this.record === undefined && this.below === undefined;
  }

  get hasChildren(): boolean {
    return this.below !== undefined;
  }

  child(segment: string): KeyNode | undefined {
    const { below } = this;
    if (below instanceof KeyNode) return below.segment === segment ? below : undefined;
    return below?.get(segment);
  }

  children(): Iterable<KeyNode> {
    const { below } = this;
    if (below === undefined) return [];
    return below instanceof KeyNode ? [below] : below.values();
  }

  add(child: KeyNode): void {
    if (this.below === undefined) {
      this.below = child;
      return;
    }
    if (this.below instanceof KeyNode) this.below = new Map([[this.below.segment, this.below]]);
    this.below.set(child.segment, child);
  }

  remove(child: KeyNode): void {
    if (!(this.below instanceof Map)) {
      this.below = undefined;
      return;
    }
    this.below.delete(child.segment);
    if (this.below.size === 1) [this.below] = this.below.values() as Iterable<KeyNode> as [KeyNode];
  }
}

/** The leases that keys are on, each held once. */
export interface LeaseUse {
  readonly id: LeaseId;
  keys: number;
}

/** A record in the tree. Its key and owner are read off the tree, which saves their octets. */
export class KeyRecord implements StoredRecord {
  readonly node: KeyNode;
  readonly value: string;
  readonly facts: Facts | undefined;
  readonly leaseUse: LeaseUse | undefined;
  private readonly prefix: string;
  /** A number takes no space of its own; a revision above 2^53 stays text. */
  private readonly revisionNumber: number | string;

  constructor(
    node: KeyNode,
    prefix: string,
    value: string,
    revision: string,
    lease: LeaseUse | undefined,
    facts: Facts | undefined,
  ) {
    this.node = node;
    this.prefix = prefix;
    this.value = value;
    this.facts = facts;
    this.leaseUse = lease;
    const number = Number(revision);
    this.revisionNumber = Number.isSafeInteger(number) ? number : revision;
  }

  get revision(): string {
    return String(this.revisionNumber);
  }

  get lease(): LeaseId | undefined {
    return this.leaseUse?.id;
  }

  get key(): EtcdKey {
    let path = '';
    for (let node = this.node; node.parent !== undefined; node = node.parent) path = `/${node.segment}${path}`;
    return `${this.prefix}${path}` as EtcdKey;
  }

  get owner(): OwnerName {
    let text = '';
    for (let node = this.node; node.parent !== undefined; node = node.parent) {
      if (!isPlainLabel(node.segment)) return this.ownerByLabels();
      text += `${node.segment}.`;
    }
    return text as OwnerName;
  }

  private ownerByLabels(): OwnerName {
    const labels: string[] = [];
    for (let node = this.node; node.parent !== undefined; node = node.parent) labels.push(labelOf(node.segment));
    return nameOf(labels);
  }

  get depth(): number {
    let depth = 0;
    for (let node = this.node; node.parent !== undefined; node = node.parent) depth += 1;
    return depth;
  }
}

/** Whether a segment is its own label in presentation format. */
function isPlainLabel(segment: string): boolean {
  return /^[a-z0-9_*-]+$/.test(segment);
}

/** The label that a key segment stands for: its UTF-8 octets, ASCII letters folded. */
export function labelOf(segment: string): string {
  return foldCase(isAscii(segment) ? segment : Buffer.from(segment, 'utf8').toString('latin1'));
}

export function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII begins with them
  return /^[\x00-\x7f]*$/.test(text);
}

/** A place in key order: the key at a node, or all keys below it. */
interface Step {
  /** What the keys have after their common parent's `/`; ends in `/` for a subtree. */
  readonly place: string;
  readonly node: KeyNode;
}

/**
 * The places directly below the given siblings' parent, in etcd's order of the full keys. `/` sorts after `-` and `.`,
 * so the keys below `a` come after those of its sibling `a-b`, while the key `a` itself comes before.
 */
export function stepsOf(siblings: Iterable<KeyNode>): Step[] {
  const steps: Step[] = [];
  for (const node of siblings) {
    if (node.record !== undefined) steps.push({ place: node.segment, node });
    if (node.hasChildren) steps.push({ place: `${node.segment}/`, node });
  }
  if (steps.length > 1) steps.sort((a, b) => compareKeys(a.place, b.place));
  return steps;
}

/** Every record below `node`, in key order. */
export function* recordsBelow(node: KeyNode): Generator<KeyRecord> {
  for (const step of stepsOf(node.children())) {
    if (step.place.endsWith('/')) yield* recordsBelow(step.node);
    else if (step.node.record !== undefined) yield step.node.record;
  }
}
