import type { EtcdKey, OwnerName } from '../../shared/name.ts';
import { RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { type LookupContext, type LookupSettings, lookup, soaOf } from '../lookup/lookup.ts';
import type { Outcome } from '../lookup/outcome.ts';
import { isReverse } from '../lookup/records/reverse-name.ts';
import { serviceNameOf } from '../lookup/records/service-name.ts';
import { apexHome, nsHome, zoneOf } from '../lookup/settings.ts';
import { select } from '../zone/select.ts';
import type { StoredRecord } from '../zone/stored-record.ts';
import { recordsIn } from '../zone/subtree.ts';
import type { Zone } from '../zone/zone.ts';
import { recordsElsewhere } from './elsewhere.ts';
import type { Explanation } from './explained.ts';

/** Why a name answers as it does. JSON as it stands; every sentence is for a person. */
export interface NameExplanation {
  readonly name: OwnerName;
  /** Undefined when it is in none of ours. */
  readonly zone?: OwnerName;
  /** Of the store, that the zone stands at. */
  readonly revision: string;
  readonly steps: readonly { readonly rule: string; readonly input: string; readonly verdict: string }[];
  readonly keys: readonly ExplainedRecord[];
  /** More keys than are listed. */
  readonly truncated: boolean;
  /** Records in presentation format, or why there are none, by type. */
  readonly answers: Readonly<Partial<Record<RrTypeName, ExplainedAnswer>>>;
}

export interface ExplainedRecord {
  readonly key: EtcdKey;
  readonly value: string;
  /** Revision at which it was last written. */
  readonly revision: string;
  /** Whether it counts for the name, and which rule says so. */
  readonly selected: boolean;
  readonly reason: string;
  readonly ttl: string;
  /** Why it was written, where its announcer said so. */
  readonly explained?: Explanation;
}

export interface ExplainedAnswer {
  readonly outcome: Outcome['type'];
  readonly records: readonly string[];
  readonly additional?: readonly string[];
}

export const EXPLAINED_KEYS_MAX = 200;
/** Types that can be explained alone. */
export const EXPLAINED_TYPES: readonly RrTypeName[] = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'MX', 'NS', 'SOA', 'PTR'];
const USUAL_TYPES: readonly RrTypeName[] = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'MX'];

export function explainName(
  zone: Zone,
  name: OwnerName,
  settings: LookupSettings,
  context: LookupContext,
  isForwarding: boolean,
  only?: RrTypeName,
): NameExplanation {
  const apex = zoneOf(name, settings.zones);
  const selected = new Set(select(zone, name).map(({ key }) => key));
  const below = [...take(recordsIn(zone, name), EXPLAINED_KEYS_MAX + 1)];
  const known = new Map<EtcdKey, StoredRecord>(below.map((record) => [record.key, record]));
  for (const record of select(zone, name).slice(0, EXPLAINED_KEYS_MAX)) known.set(record.key, record);
  const elsewhere = new Map(recordsElsewhere(zone, name, settings).map((each) => [each.record.key, each]));
  for (const [key, { record }] of elsewhere) known.set(key, record);
  const keys = [...known.values()].slice(0, EXPLAINED_KEYS_MAX);
  const usual = isReverse(name) ? [...USUAL_TYPES, 'PTR' as const] : USUAL_TYPES;
  const types = only === undefined ? usual : [only];
  return {
    name,
    ...(apex !== undefined && { zone: apex }),
    revision: String(zone.revision),
    steps: stepsOf(zone, name, apex, settings, context, isForwarding, selected.size + elsewhere.size),
    keys: keys.map((record) => {
      const reason = elsewhere.get(record.key)?.reason ?? reasonOf(record, name, selected);
      const isSelected = selected.has(record.key) || elsewhere.has(record.key);
      return explainRecord(record, isSelected, reason, settings, context);
    }),
    truncated: known.size > EXPLAINED_KEYS_MAX,
    answers: Object.fromEntries(
      types.map((type) => [
        type,
        answerOf(lookup(zone, { name, type: RrType[type] }, settings, context), zone, settings, context),
      ]),
    ),
  };
}

type Steps = NameExplanation['steps'];

function stepsOf(
  zone: Zone,
  name: OwnerName,
  apex: OwnerName | undefined,
  settings: LookupSettings,
  context: LookupContext,
  isForwarding: boolean,
  selectedCount: number,
): Steps {
  const zones = `zones ${settings.zones.join(', ')}`;
  if (apex === undefined && !isReverse(name)) {
    const verdict = isForwarding
      ? 'outside: asked of the upstreams for allowed clients, others are refused'
      : 'outside: refused, because forwarding is off';
    return [{ rule: 'zone', input: zones, verdict }];
  }
  const steps = [
    {
      rule: 'zone',
      input: zones,
      verdict: apex === undefined ? 'a reverse name: what we announced, else the upstreams' : apex,
    },
    availabilityStep(zone, context),
  ];
  if (name === settings.local || settings.zones.some((each) => name === `local.dns.${each}`)) {
    steps.push({
      rule: 'local',
      input: `--local ${settings.local ?? 'not given'}`,
      verdict: 'local.dns.<zone> answers as this name',
    });
  }
  if (name === apex) {
    const verdict = `A and AAAA: the records at ${apexHome(apex)} alone; NS: those below ${nsHome(apex)}; else all in the zone`;
    steps.push({ rule: 'apex', input: name, verdict });
  }
  const service = serviceNameOf(name);
  if (service !== undefined) {
    const input = `${name} is a service name (RFC 2782)`;
    const verdict = `SRV: the records of ${service.base} that offer the port ${service.portName} over ${service.protocol}`;
    steps.push({ rule: 'service name', input, verdict });
  }
  if (name.split('.').some((label) => label === '*' || label === 'any')) {
    steps.push({
      rule: 'wildcard',
      input: name,
      verdict: '* and any match every label at their place; a literal name comes first',
    });
  }
  const count = selectedCount === 1 ? '1 record counts' : `${selectedCount} records count`;
  const verdict = selectedCount > 0 ? count : 'no record counts';
  steps.push({ rule: 'selection', input: 'the key of the name and all keys below it', verdict });
  return steps;
}

function availabilityStep(zone: Zone, { availability, nowMs }: LookupContext): Steps[number] {
  const input = `zone at revision ${zone.revision}, ${zone.size} keys`;
  if (availability === 'live') return { rule: 'availability', input, verdict: 'followed: answers are true' };
  if (availability === 'never-synced')
    return { rule: 'availability', input, verdict: 'never read from the store: SERVFAIL' };
  if (availability === 'too-stale') return { rule: 'availability', input, verdict: 'older than --max-stale: SERVFAIL' };
  const seconds = Math.round((nowMs - availability.sinceMs) / 1000);
  const verdict = `the store is away, last seen ${seconds} s ago: answered as stale, TTLs at most ${availability.ttlCapSeconds} s`;
  return { rule: 'availability', input, verdict };
}

function explainRecord(
  record: StoredRecord,
  selected: boolean,
  reason: string,
  settings: LookupSettings,
  context: LookupContext,
): ExplainedRecord {
  const { key, value, revision } = record;
  return { key, value, revision, selected, reason, ttl: ttlOf(record, settings, context) };
}

function reasonOf({ facts, key, owner }: StoredRecord, name: OwnerName, selected: ReadonlySet<EtcdKey>): string {
  if (selected.has(key)) return owner === name ? 'the key of the name itself' : `below the name: ${owner}`;
  if (facts === undefined) return 'its value is no record; /v1/services says why';
  if (facts.host === undefined && facts.traits.text === undefined) return 'it has neither host nor text';
  return `its group ${JSON.stringify(facts.traits.group)} is not the one chosen for the name`;
}

function ttlOf({ facts, lease }: StoredRecord, settings: LookupSettings, context: LookupContext): string {
  const own = facts?.traits.ttlSeconds;
  const record = own === undefined ? 'none of its own' : `${own} s of its own`;
  if (lease === undefined) return own === undefined ? `${record}: ${settings.defaultTtlSeconds} s by default` : record;
  const endsMs = context.leaseDeadlineMs(lease);
  if (endsMs === undefined) return `${record}; the time left of lease ${lease} is not known yet`;
  return `${record}; lease ${lease} has ${Math.ceil((endsMs - context.nowMs) / 1000)} s left, the lesser counts`;
}

function answerOf(outcome: Outcome, zone: Zone, settings: LookupSettings, context: LookupContext): ExplainedAnswer {
  if (outcome.type === 'nodata' || outcome.type === 'nxdomain') {
    return {
      outcome: outcome.type,
      records: [],
      additional: [formatRecord(soaOf(outcome.zone, settings, zone.revision, context.availability))],
    };
  }
  if (outcome.type !== 'answer') return { outcome: outcome.type, records: [] };
  return {
    outcome: 'answer',
    records: outcome.answers.map(formatRecord),
    ...(outcome.additional.length > 0 && { additional: outcome.additional.map(formatRecord) }),
  };
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}
