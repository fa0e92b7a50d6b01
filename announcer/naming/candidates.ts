import { type EtcdKey, keyOf, labelsOf, NameError, nameOf } from '../../shared/name.ts';
import { encodeRecord, type ServiceRecord } from '../../shared/record.ts';
import { type Check, checkOf } from '../checks/check-setting.ts';
import { type ContainerFacts, isInHostNetwork, ownerInMode } from '../facts.ts';
import type { AnnounceAs, AnnounceRules } from '../rules.ts';
import { endpointOf, isDisconnected, NO_NETWORK, NOT_CONNECTED } from './addresses.ts';
import { inclusionOf } from './inclusion.ts';
import { type ContainerSettings, type RecordLabels, readLabels, readPortTags } from './labels.ts';
import { namingMember, servicesOf } from './naming.ts';
import { type ContainerPort, portText, readPorts } from './port-spec.ts';
import { choosePorts, describePorts } from './ports.ts';
import { type LabelMade, ldhLabel } from './service-name.ts';
import { quoted, REFUSALS_MAX, shortened, TOLD_MAX, tellFirst } from './told.ts';

/** A key that a container has a claim to while it is ready. */
export interface Candidate {
  readonly key: EtcdKey;
  readonly service: string;
  /** Of the container; the record has the one that clients use. */
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** Without `announcedAt`. */
  readonly record: ServiceRecord;
  /** The record's canonical JSON. */
  readonly value: string;
  readonly check: Check;
}

/** One rule, what it looked at, and what it found. */
export interface ExplainStep {
  readonly rule: string;
  readonly input: string;
  readonly verdict: string;
}

export interface Derivation {
  readonly candidates: readonly Candidate[];
  /** Each names the value, the limit and what to do. */
  readonly refusals: readonly string[];
  readonly steps: readonly ExplainStep[];
  /** A port has no address now (its network was disconnected, it is not published). */
  readonly lacksAddress: boolean;
}

/**
 * The keys that a container has a claim to, by its labels, ports and networks alone: whether it runs and is ready is for
 * the decider. The same facts and rules give the same candidates, in ascending order of ports.
 */
export function candidatesOf(facts: ContainerFacts, rules: AnnounceRules): Derivation {
  const settings = readLabels(facts);
  const as = settings.as ?? rules.as;
  const steps: ExplainStep[] = [];
  const included = inclusionOf(facts, settings, rules, as);
  steps.push({ rule: 'announce', input: included.input, verdict: included.verdict });
  if (!included.isIncluded) return { candidates: [], refusals: [], steps, lacksAddress: included.lacksPort };
  const faults = [...settings.faults, ...checkFaults(facts, settings)];
  for (const fault of faults)
    steps.push({ rule: 'labels', input: fault, verdict: 'nothing is announced until it is mended' });
  const problems = [...settings.problems, ...idleNetwork(facts, settings, as)];
  const refusals = [...faults, ...problems.map((problem) => `${problem}; left out, the rest stands`)];
  for (const problem of problems) steps.push({ rule: 'labels', input: problem, verdict: 'left out' });
  if (faults.length > 0) return { candidates: [], refusals: toTell(refusals), steps, lacksAddress: false };

  const chosen = choosePorts(facts, settings, as);
  steps.push({
    rule: `ports: ${chosen.rule}`,
    input: describePorts(facts),
    verdict: chosen.ports.map(portText).join(', ') || 'none',
  });
  for (const port of chosen.ignored) steps.push({ rule: 'ports', input: port, verdict: 'left out, as asked' });
  const drafts = draftsOf(chosen.ports, facts, settings, rules, as);
  steps.push(...drafts.steps);
  const tags = chosen.ports.flatMap((port) => readPortTags(port, settings) ?? []);
  refusals.push(...tags.flatMap((read) => ('problem' in read ? [`${read.problem}; left out, the rest stands`] : [])));
  refusals.push(...chosen.refusals, ...drafts.refusals, ...strayPortNames(chosen.ports, settings));
  const hasNone = chosen.ports.length === 0 && chosen.ignored.length === 0;
  if (hasNone && chosen.refusals.length === 0 && settings.isLabelled) refusals.push(noPorts(facts, as));
  const made = candidatesFrom(drafts.found, facts, settings, rules);
  const lacksAddress = drafts.lacksAddress || hasNone;
  return { candidates: made.candidates, refusals: toTell([...refusals, ...made.refusals]), steps, lacksAddress };
}

/** Each once, and no more of one container than a person would mend at a time. */
function toTell(refusals: readonly string[]): string[] {
  return tellFirst([...new Set(refusals)], REFUSALS_MAX, (refusal) => refusal, 'more things that are wrong with it');
}

function checkFaults(facts: ContainerFacts, { check, checkPort }: ContainerSettings): string[] {
  const faults: string[] = [];
  if (check.kind === 'healthcheck' && facts.health === 'none') {
    faults.push(
      'rollcall.check=healthcheck: neither the image nor the container has a HEALTHCHECK; add one or choose another check',
    );
  }
  if (checkPort !== undefined && readPorts(checkPort).ports.length !== 1) {
    faults.push(`rollcall.check.port=${quoted(checkPort)}: must be one container port, as 8080 or 9000/udp`);
  }
  return faults;
}

/** A label that chooses among addresses of which none is announced: whoever wrote it expects another one. */
function idleNetwork(facts: ContainerFacts, { network }: ContainerSettings, as: AnnounceAs): string[] {
  if (network === undefined) return [];
  const label = `rollcall.network=${quoted(network)}`;
  if (isInHostNetwork(facts)) return [`${label}: with host networking the host's address is announced`];
  if (as === 'container') return [];
  return [
    `${label}: it chooses among the container's own addresses, and the host's is announced; set rollcall.as=container`,
  ];
}

interface Draft {
  readonly port: ContainerPort;
  readonly service: string;
  readonly host: string;
  readonly hostPort: number;
}

interface Drafts {
  readonly found: readonly Draft[];
  readonly refusals: readonly string[];
  readonly steps: readonly ExplainStep[];
  readonly lacksAddress: boolean;
}

/** Names and addresses of the chosen ports. */
function draftsOf(
  ports: readonly ContainerPort[],
  facts: ContainerFacts,
  settings: ContainerSettings,
  rules: AnnounceRules,
  as: AnnounceAs,
): Drafts {
  const found: Draft[] = [];
  const refusals: string[] = [];
  const steps: ExplainStep[] = [];
  let lacksAddress = false;
  for (const { port, names } of servicesOf(ports, facts, settings)) {
    const endpoint = endpointOf(port, facts, rules.host, as, settings.network);
    if (!endpoint.ok) {
      lacksAddress = true;
      refusals.push(endpoint.reason);
      steps.push({ rule: `address as ${as}`, input: portText(port), verdict: endpoint.reason });
      continue;
    }
    const { host, port: hostPort } = endpoint;
    steps.push({
      rule: `address as ${as}: ${endpoint.rule}`,
      input: portText(port),
      verdict: `${host} port ${hostPort}`,
    });
    for (const name of names) {
      if (!name.ok) refusals.push(name.reason);
      else found.push({ port, service: name.label, host, hostPort });
      steps.push({
        rule: 'service name',
        input: name.ok ? name.source : portText(port),
        verdict: name.ok ? name.label : name.reason,
      });
    }
  }
  return { found, refusals, steps, lacksAddress };
}

function candidatesFrom(
  drafts: readonly Draft[],
  facts: ContainerFacts,
  settings: ContainerSettings,
  rules: AnnounceRules,
): { candidates: Candidate[]; refusals: string[] } {
  const candidates = new Map<EtcdKey, Candidate>();
  const refusals: string[] = [];
  for (const { draft, instance } of instancesOf(drafts, facts, settings)) {
    const port = portText(draft.port);
    const key = instance.ok
      ? instanceKey(instance.label, draft.service, rules)
      : { reason: `instance label ${instance.reason}` };
    if (typeof key !== 'string') refusals.push(`${port}: ${key.reason}`);
    else if (candidates.has(key))
      refusals.push(`${port}: key ${key} is that of another port already; give each its own SERVICE_<port>_ID`);
    else candidates.set(key, candidateOf(key, draft, facts, settings, rules));
  }
  return { candidates: [...candidates.values()], refusals };
}

function candidateOf(
  key: EtcdKey,
  { port, service, host, hostPort }: Draft,
  facts: ContainerFacts,
  settings: ContainerSettings,
  rules: AnnounceRules,
): Candidate {
  const { containerPort, protocol, portName } = port;
  const record: ServiceRecord = {
    ttl: rules.recordTtlSeconds,
    ...recordLabelsOf(port, settings),
    host,
    port: hostPort,
    protocol,
    ...(portName === undefined ? {} : { portName }),
    owner: rules.owner,
    container: facts.id,
    image: facts.image,
  };
  const check = checkOf(settings.check, settings.timing, facts, portText(port), checkPortOf(settings));
  return { key, service, port: containerPort, protocol, record, value: encodeRecord(record), check };
}

/** What labels say of the record; registrator's tags of a port win over those of the container. */
function recordLabelsOf(port: ContainerPort, settings: ContainerSettings): RecordLabels {
  const tags = readPortTags(port, settings);
  return tags !== undefined && 'value' in tags ? { ...settings.record, text: tags.value } : settings.record;
}

/** @returns the reason when the whole is no name */
export function instanceKey(
  instance: string,
  service: string,
  { host, domain, prefix }: Pick<AnnounceRules, 'host' | 'domain' | 'prefix'>,
): EtcdKey | { readonly reason: string } {
  try {
    const key = keyOf(nameOf([instance, host.name, service, ...labelsOf(domain)]), prefix);
    return key ?? { reason: `domain ${domain} makes no key: a label of it holds a / or is not UTF-8` };
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    return { reason: error.message };
  }
}

/**
 * The label of each instance: `SERVICE_ID`, else the short id; with the container port behind it where one service has
 * several, and the protocol where it has one number twice.
 */
function instancesOf(
  drafts: readonly Draft[],
  facts: ContainerFacts,
  { registrator }: ContainerSettings,
): { draft: Draft; instance: LabelMade }[] {
  const groups = new Map<string, { draft: Draft; base: LabelMade }[]>();
  for (const draft of drafts) {
    const base = ldhLabel(registrator.field('ID', draft.port)?.value ?? facts.id.slice(0, 12));
    const name = `${draft.service} ${base.ok ? base.label : ''}`;
    groups.set(name, [...(groups.get(name) ?? []), { draft, base }]);
  }
  return [...groups.values()].flatMap((group) =>
    group.map(({ draft, base }) => {
      if (!base.ok || group.length === 1) return { draft, instance: base };
      const { containerPort, protocol } = draft.port;
      const isTwice = group.filter((other) => other.draft.port.containerPort === containerPort).length > 1;
      const suffix = isTwice && protocol === 'udp' ? '-udp' : '';
      return { draft, instance: ldhLabel(`${base.label}-${containerPort}${suffix}`) };
    }),
  );
}

function checkPortOf({ checkPort }: ContainerSettings): string | undefined {
  const [port] = checkPort === undefined ? [] : readPorts(checkPort).ports;
  return port === undefined ? undefined : portText(port);
}

/** Names that no port has. */
function strayPortNames(ports: readonly ContainerPort[], settings: ContainerSettings): string[] {
  const used = new Set(ports.map((port) => namingMember(port, settings)));
  const stray = [...settings.portNames.keys()].filter((member) => !used.has(member));
  const those = ports.map(portText).join(', ') || 'none';
  const tell = (member: string): string => {
    const name = shortened(member);
    const port = ports.find((each) => [String(each.containerPort), each.portName].includes(member));
    if (port === undefined) return `rollcall.name.${name}: ${name} is no announced port; those are: ${those}`;
    return `rollcall.name.${name}: ${portText(port)} has its name of rollcall.name.${namingMember(port, settings)} already`;
  };
  return tellFirst(stray, TOLD_MAX, tell, 'more names for ports that are not announced');
}

function noPorts(facts: ContainerFacts, as: AnnounceAs): string {
  const other = ownerInMode(facts.networkMode)?.slice(0, 12);
  if (other !== undefined) {
    return `it shares the network of container ${other} and has no ports of its own; name what it listens on with rollcall.port, or put the labels on ${other}`;
  }
  if (facts.networkMode === 'none') return NO_NETWORK;
  if (facts.networkMode === 'host')
    return 'no port is exposed; with host networking name what it listens on with rollcall.port';
  if (isDisconnected(facts)) return NOT_CONNECTED;
  if (as === 'container') return 'no port is exposed; name what it listens on with rollcall.port';
  const exposed = facts.ports.map(portText).join(', ');
  return `no port is published${exposed === '' ? '' : ` (exposed: ${exposed})`}; publish one with -p, or set rollcall.as=container and rollcall.port`;
}
