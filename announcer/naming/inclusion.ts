import type { ContainerFacts } from '../facts.ts';
import type { AnnounceAs, AnnounceRules } from '../rules.ts';
import type { ContainerSettings } from './labels.ts';
import { describePorts, hasOfferedPort } from './ports.ts';

export interface Inclusion {
  readonly isIncluded: boolean;
  readonly input: string;
  readonly verdict: string;
}

/** Which containers are announced: those with a published port or a setting of ours, unless a setting says no. */
export function inclusionOf(
  facts: ContainerFacts,
  { announce, registrator, isLabelled }: ContainerSettings,
  { explicit }: AnnounceRules,
  as: AnnounceAs,
): Inclusion {
  if (announce === false) return { isIncluded: false, input: 'rollcall.announce=false', verdict: 'excluded' };
  const ignoredBy = registrator.ignoredBy();
  // rollcall's own label is the later word: a container may carry registrator's while both run.
  if (ignoredBy !== undefined && announce !== true) return { isIncluded: false, input: ignoredBy, verdict: 'excluded' };
  if (isLabelled) return { isIncluded: true, input: 'it has rollcall.* or SERVICE_* settings', verdict: 'included' };
  if (explicit)
    return {
      isIncluded: false,
      input: '--explicit, and it has no rollcall.* or SERVICE_* settings',
      verdict: 'excluded',
    };
  if (hasOfferedPort(facts, as)) return { isIncluded: true, input: describePorts(facts), verdict: 'included' };
  return {
    isIncluded: false,
    input: 'it has no published port and no rollcall.* or SERVICE_* settings',
    verdict: 'excluded',
  };
}
