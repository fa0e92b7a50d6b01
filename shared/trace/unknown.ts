/** Why a moment of a change is not known, in a sentence for the person who looks for it. */

import { hostOf, type JoinedChange, type Sources } from './joined-change.ts';

const REPAIRS: Readonly<Record<string, string>> = {
  'lease-ended': 'nobody decided it: the lease ended by itself, no keepalive had reached etcd for its time',
  found: 'decided before the announcer was started; it found the key standing',
  moved: 'nobody decided it: its lease was lost or replaced, and it was written again under another',
  'key-missing': 'nobody decided it: somebody else had removed the key, and it was written again',
  'key-edited': 'nobody decided it: somebody else had changed the key, and it was written again',
  unclaimed: 'nobody decided it: the key was left over, and nobody wants it',
};

export function whyNotDecided({ decided, seen }: JoinedChange, { announcer, announcerSilent }: Sources): string {
  const cause = decided?.write?.cause;
  if (cause !== undefined) return REPAIRS[cause] ?? `the announcer wrote it without a new decision: ${cause}`;
  const isGone = seen?.kind === 'delete';
  const byItself = 'its lease ended by itself, or somebody deleted the key';
  if (announcer === undefined) {
    const unasked = `no cause stands in etcd, and the announcer was not asked: ${announcerSilent ?? 'it is another daemon'}`;
    return isGone ? `${byItself}; ${unasked}` : unasked;
  }
  const host = hostOf(seen?.key ?? '');
  if (host !== announcer.host) {
    const elsewhere = `no cause stands in etcd, and this is not the announcer of ${host ?? 'it'}: ask that one`;
    return isGone ? `${byItself}; ${elsewhere}` : elsewhere;
  }
  return isGone
    ? `the announcer decided nothing: ${byItself}`
    : 'the announcer did not write it, or its journal no longer reaches back to it';
}

export function whyNotStored({ decided, seen }: JoinedChange, sources: Sources): string {
  if (decided === undefined) {
    const { announcer, announcerSilent } = sources;
    const isExplained = seen?.explained !== undefined;
    if (!isExplained) return whyNotDecided({ decided, seen }, sources);
    const why =
      announcer === undefined ? (announcerSilent ?? 'it is another daemon') : 'it is not the one of this host';
    return `only its announcer's journal says when, which was not asked: ${why}`;
  }
  if (decided.unwritten === 'overtaken') return 'never written: the next decision overtook it';
  if (decided.unwritten === 'needless') return 'never written: what it takes away had not been written';
  const isGone = decided.kind === 'delete';
  if (isGone && (seen !== undefined || decided.decision?.reason === 'announcer-stopped')) {
    return 'the announcer gave its lease back, for which etcd tells no revision';
  }
  return 'etcd has not acknowledged it yet';
}

export function whyNotApplied({ decided }: JoinedChange, { resolver, resolverSilent }: Sources): string {
  if (resolver === undefined) return `the resolver was not asked: ${resolverSilent ?? 'it is another daemon'}`;
  if (decided?.unwritten !== undefined) return 'never written, so never seen';
  if (decided?.write === undefined) return 'not seen by the resolver yet';
  return "not in the resolver's journal: not seen yet, or read in bulk after an absence, or kept no more";
}
