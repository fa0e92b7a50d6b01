import { familyOf } from '../../../shared/ip.ts';
import { type OwnerName, ROOT } from '../../../shared/name.ts';
import type { UsableRecord } from '../../zone/select.ts';
import { isNameHost } from '../../zone/stored-record.ts';
import type { Inquiry } from '../inquiry.ts';
import { Section } from '../section.ts';
import { stripLabels } from '../settings.ts';
import { type Lifetime, lifetimeOf, shorter } from '../ttl.ts';
import { addAddresses, BOTH_FAMILIES } from './address.ts';
import { scaleWeights } from './weights.ts';

/** The sections of an answer whose RRs point to names. */
export interface TargetSections {
  readonly answers: Section;
  readonly additional: Section;
}

/** SRV RRs (RFC 2782), one a record with a host. */
export function srvOf(owner: OwnerName, records: readonly UsableRecord[], inquiry: Inquiry): TargetSections {
  const answers = new Section();
  const targets = withoutDuplicates(records.filter(hasPort).flatMap((record) => targetOf(record, inquiry)));
  const weights = scaleWeights(
    targets.map(({ record }) => record.facts.traits),
    inquiry.settings.srvWeights,
  );
  for (const [index, { record, name, lifetime }] of targets.entries()) {
    const { port, traits } = record.facts;
    const weight = weights[index] as number;
    answers.add(owner, { type: 'SRV', priority: traits.priority, weight, port, target: name }, lifetime);
  }
  return { answers, additional: additionalOf(targets, inquiry) };
}

/** MX RRs (RFC 1035 §3.3.9), one a record with `mail`. */
export function mxOf(owner: OwnerName, records: readonly UsableRecord[], inquiry: Inquiry): TargetSections {
  const answers = new Section();
  const targets = records.filter(({ facts }) => facts.traits.mail).flatMap((record) => targetOf(record, inquiry));
  for (const { record, name, lifetime } of targets) {
    answers.add(owner, { type: 'MX', preference: record.facts.traits.priority, exchange: name }, lifetime);
  }
  return { answers, additional: additionalOf(targets, inquiry) };
}

/** NS RRs, one a record with an address, which is its glue. */
export function nsOf(owner: OwnerName, records: readonly UsableRecord[], inquiry: Inquiry): TargetSections {
  const answers = new Section();
  const targets = records.flatMap((record) => targetOf(record, inquiry)).filter(({ address }) => address !== undefined);
  for (const { name, lifetime } of targets) answers.add(owner, { type: 'NS', target: name }, lifetime);
  return { answers, additional: additionalOf(targets, inquiry) };
}

/** What an SRV, MX or NS RR made of a record points to. */
interface Target {
  readonly record: UsableRecord;
  readonly name: OwnerName;
  /** Undefined: the host is a name, and `name` is it (stripped). */
  readonly address: string | undefined;
  readonly lifetime: Lifetime;
}

/** None for a record without a host. */
function targetOf(record: UsableRecord, inquiry: Inquiry): Target[] {
  const { host } = record.facts;
  if (host === undefined) return [];
  const address = isNameHost(host) ? undefined : host;
  return [{ record, name: targetNameOf(record), address, lifetime: lifetimeOf(record, inquiry) }];
}

/** The host when it is a name, else the record's own name; less the labels that `targetstrip` takes off. */
export function targetNameOf(record: UsableRecord): OwnerName {
  const { host, traits } = record.facts;
  return stripLabels(host !== undefined && isNameHost(host) ? host : record.owner, traits.targetstrip);
}

/** -1 says that there is no port. */
function hasPort({ facts }: UsableRecord): boolean {
  return facts.port >= 0;
}

/** Before weights are scaled: what would give one RR twice counts once. */
function withoutDuplicates(targets: readonly Target[]): Target[] {
  const kept = new Map<string, Target>();
  for (const target of targets) {
    const { host, port, traits } = target.record.facts;
    const key = `${target.name} ${port} ${traits.priority} ${traits.weight} ${traits.mail} ${host}`;
    const same = kept.get(key);
    kept.set(key, same === undefined ? target : { ...same, lifetime: shorter(same.lifetime, target.lifetime) });
  }
  return [...kept.values()];
}

/** The addresses of each target: its record's own, or, once a name, those that the name leads to. */
function additionalOf(targets: readonly Target[], inquiry: Inquiry): Section {
  const additional = new Section();
  const followed = new Set<OwnerName>([ROOT]);
  for (const { name, address, lifetime } of targets) {
    if (address !== undefined) {
      additional.add(name, { type: familyOf(address), address }, lifetime);
    } else if (!followed.has(name)) {
      followed.add(name);
      addAddresses(name, BOTH_FAMILIES, inquiry, additional, additional);
    }
  }
  return additional;
}
