import { type OwnerName, parseName } from '../../shared/name.ts';
import { Rcode, RrType } from '../../shared/rrset.ts';
import type { Response } from './respond.ts';

/** Names of class CH by which a server tells what it is (RFC 4892, and BIND's custom). */
const VERSION_NAMES: ReadonlySet<OwnerName> = new Set([parseName('version.bind'), parseName('version.server')]);
const SERVER_NAMES: ReadonlySet<OwnerName> = new Set([parseName('hostname.bind'), parseName('id.server')]);

/** The answer to a question of class CH; undefined when there is none and the question is to be refused. */
export function chaosResponse(
  name: OwnerName,
  type: number,
  identity: { readonly version: string; readonly serverId: string },
): Response | undefined {
  if (type !== RrType.TXT && type !== RrType.ANY) return undefined;
  const text = VERSION_NAMES.has(name) ? identity.version : SERVER_NAMES.has(name) ? identity.serverId : undefined;
  if (text === undefined) return undefined;
  return {
    rcode: Rcode.NOERROR,
    authoritative: true,
    answers: [{ owner: name, ttlSeconds: 0, type: 'TXT', strings: [Buffer.from(text, 'utf8').toString('latin1')] }],
    authority: [],
    additional: [],
    rotateFrom: 1,
  };
}
