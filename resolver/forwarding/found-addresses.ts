import type { OwnerName } from '../../shared/name.ts';
import { RrType } from '../../shared/rrset.ts';
import type { Question } from '../lookup/question.ts';
import type { DecodedResponse } from '../wire/codec.ts';
import { TTL_MAX } from '../zone/stored-record.ts';

/** What a response says of the addresses of the name it was asked for. */
export interface FoundAddresses {
  readonly addresses: readonly string[];
  /** The names that CNAMEs lead to, in chain order; the addresses are those of the last. */
  readonly aliases: readonly OwnerName[];
  /** The least of the chain and the addresses. */
  readonly ttlSeconds: number;
}

/** The addresses of the question's type, A or AAAA, at the end of the CNAMEs that begin at its name. */
export function addressesIn({ answers }: Pick<DecodedResponse, 'answers'>, { name, type }: Question): FoundAddresses {
  const aliases: OwnerName[] = [];
  let owner = name;
  let ttlSeconds = TTL_MAX;
  // Each CNAME is used once at most, so a loop ends.
  for (const links = new Set(answers.filter((each) => each.type === RrType.CNAME)); ; ) {
    const link = [...links].find((each) => each.owner === owner);
    if (link?.target === undefined) break;
    links.delete(link);
    ttlSeconds = Math.min(ttlSeconds, link.ttlSeconds);
    aliases.push(link.target);
    owner = link.target;
  }
  const found = answers.filter((each) => each.type === type && each.owner === owner && each.address !== undefined);
  return {
    addresses: found.flatMap(({ address }) => address ?? []),
    aliases,
    ttlSeconds: found.reduce((least, each) => Math.min(least, each.ttlSeconds), ttlSeconds),
  };
}
