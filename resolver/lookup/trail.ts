import type { OwnerName } from '../../shared/name.ts';
import { dependencyOf } from '../zone/select.ts';
import type { Dependent } from './outcome.ts';
import type { Question } from './question.ts';

/** What a lookup looked at, gathered on the way: the outcome's dependencies. */
export class Trail {
  private readonly subtrees = new Set<OwnerName>();
  private readonly addresses = new Set<string>();
  private readonly unresolved = new Map<string, Question>();
  private validUntilMs = Number.POSITIVE_INFINITY;

  /** The outcome depends on `name` and all below it. */
  lookedAt(name: OwnerName): void {
    this.subtrees.add(dependencyOf(name));
  }

  /** The outcome depends on which records have this address. */
  lookedAtAddress(address: string): void {
    this.addresses.add(address);
  }

  /** The outcome would say more if this were known. */
  lacks(question: Question): void {
    this.unresolved.set(`${question.type} ${question.name}`, question);
  }

  /** Whether something is not known yet that the outcome could say. */
  get isLacking(): boolean {
    return this.unresolved.size > 0;
  }

  holdsUntil(ms: number): void {
    this.validUntilMs = Math.min(this.validUntilMs, ms);
  }

  dependencies(): Dependent {
    return {
      subtrees: [...this.subtrees],
      addresses: [...this.addresses],
      validUntilMs: this.validUntilMs,
      unresolved: [...this.unresolved.values()],
    };
  }
}
