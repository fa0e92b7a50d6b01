import { type ContainerFacts, hasProcess } from '../facts.ts';
import type { AnnounceAs, AnnounceRules } from '../rules.ts';
import { isDisconnected } from './addresses.ts';
import type { ContainerSettings } from './labels.ts';
import { describePorts, hasOfferedPort } from './ports.ts';

export interface Inclusion {
  readonly isIncluded: boolean;
  readonly input: string;
  readonly verdict: string;
  /** It would be announced if it had a published port. */
  readonly lacksPort: boolean;
}

/** Which containers are announced: those with a published port or a setting of ours, unless a setting says no. */
export function inclusionOf(
  facts: ContainerFacts,
  { announce, registrator, isLabelled }: ContainerSettings,
  { explicit }: AnnounceRules,
  as: AnnounceAs,
): Inclusion {
  if (announce === false) return excluded('rollcall.announce=false');
  const ignoredBy = registrator.ignoredBy();
  // rollcall's own label is the later word: a container may carry registrator's while both run.
  if (ignoredBy !== undefined && announce !== true) return excluded(ignoredBy);
  if (isLabelled) return included('it has rollcall.* or SERVICE_* settings');
  if (explicit) return excluded('--explicit, and it has no rollcall.* or SERVICE_* settings');
  if (hasOfferedPort(facts, as)) return included(describePorts(facts));
  if (!hasProcess(facts)) {
    const input = 'it has no rollcall.* or SERVICE_* settings; which ports it publishes is known while it runs';
    return { ...excluded(input), verdict: 'included once it runs and publishes one', lacksPort: true };
  }
  const lacking = isDisconnected(facts) ? 'it is connected to no network, and has' : 'it has no published port and';
  return { ...excluded(`${lacking} no rollcall.* or SERVICE_* settings`), lacksPort: true };
}

function included(input: string): Inclusion {
  return { isIncluded: true, input, verdict: 'included', lacksPort: false };
}

function excluded(input: string): Inclusion {
  return { isIncluded: false, input, verdict: 'excluded', lacksPort: false };
}
