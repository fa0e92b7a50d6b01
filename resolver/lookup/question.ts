import type { OwnerName } from '../../shared/name.ts';

/** A question of class IN, its name folded to lower case. */
export interface Question {
  readonly name: OwnerName;
  /** Type code; see `RrType` for those that we know by name. */
  readonly type: number;
}
