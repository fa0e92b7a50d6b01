import type { OwnerName } from '../../shared/name.ts';
import { RrType } from '../../shared/rrset.ts';
import { TooManyRecords } from '../zone/select.ts';
import { isNameHost } from '../zone/stored-record.ts';
import type { Zone } from '../zone/zone.ts';
import { Inquiry } from './inquiry.ts';
import type { Answer, Outcome } from './outcome.ts';
import type { Question } from './question.ts';
import { addAddresses } from './records/address.ts';
import { nsOfApex, soaOf } from './records/apex.ts';
import { ptrOf } from './records/ptr.ts';
import { isReverse, isReversePrefix } from './records/reverse-name.ts';
import { offers, type ServiceName, serviceNameOf } from './records/service-name.ts';
import { mxOf, srvOf, type TargetSections } from './records/srv.ts';
import { addTexts } from './records/text.ts';
import { Section } from './section.ts';
import { isConfigured, type LookupContext, type LookupSettings, zoneOf } from './settings.ts';
import { Trail } from './trail.ts';
import { defaultLifetime, lifetimeOf } from './ttl.ts';

export { soaOf } from './records/apex.ts';
export type { Availability, LookupContext, LookupSettings } from './settings.ts';

/** RFC 8914 §4: info codes of what we cannot say. */
const EXTENDED_ERROR = { other: 0, staleAnswer: 3, noReachableAuthority: 22, networkError: 23 } as const;

/** The addresses are outside our zones, and the upstreams failed. */
const NOBODY_SAID: Outcome = { type: 'servfail', extendedError: EXTENDED_ERROR.networkError };

/**
 * What the zone says to a question of class IN. `docs/records.md` has the rules.
 *
 * The outcome holds until a change touches one of its `subtrees` or `addresses`, or until `validUntilMs`; the caller
 * keeps no outcome when `context.availability` changes. Negative outcomes carry no SOA: the caller adds {@link soaOf}.
 */
export function lookup(zone: Zone, question: Question, settings: LookupSettings, context: LookupContext): Outcome {
  const { name, type } = question;
  if (type === RrType.AXFR || type === RrType.IXFR) return { type: 'refused' };
  const apex = zoneOf(name, settings.zones);
  if (apex === undefined && !(type === RrType.PTR && isReverse(name))) return { type: 'outside' };
  if (context.availability === 'never-synced' || context.availability === 'too-stale') {
    if (apex === undefined) return { type: 'outside' };
    const isNew = context.availability === 'never-synced';
    const extendedError = isNew ? EXTENDED_ERROR.noReachableAuthority : EXTENDED_ERROR.staleAnswer;
    return { type: 'servfail', extendedError };
  }
  const inquiry = new Inquiry(zone, settings, context, new Trail());
  try {
    return apex === undefined ? reverseOutside(name, inquiry) : inZone(apex, question, inquiry);
  } catch (error) {
    if (error instanceof TooManyRecords) return { type: 'servfail', extendedError: EXTENDED_ERROR.other };
    throw error;
  }
}

/** A reverse name in no zone of ours: what we know of the address goes before what the forwarder knows. */
function reverseOutside(name: OwnerName, inquiry: Inquiry): Outcome {
  const answer = answerOf({ answers: ptrOf(name, inquiry) }, inquiry);
  return answer === undefined ? { type: 'outside' } : { ...answer, authoritative: false };
}

function inZone(apex: OwnerName, question: Question, inquiry: Inquiry): Outcome {
  return positive(apex, question, inquiry) ?? negative(apex, question.name, inquiry);
}

function positive(apex: OwnerName, { name, type }: Question, inquiry: Inquiry): Outcome | undefined {
  switch (type) {
    case RrType.A:
    case RrType.AAAA: {
      const [aliases, addresses] = [new Section(), new Section()];
      const mayHave = addAddresses(name, [type === RrType.A ? 'A' : 'AAAA'], inquiry, aliases, addresses);
      const answer = answerOf({ aliases, answers: addresses, rotates: true }, inquiry);
      // NODATA would be kept, and acted on: nginx drops its peers on it, but not on SERVFAIL.
      if (answer === undefined && mayHave && !inquiry.trail.isLacking) return NOBODY_SAID;
      return answer;
    }
    case RrType.SRV: {
      const service = serviceNameOf(name);
      const stored = inquiry.select(name);
      const records = service === undefined || stored.length > 0 ? stored : offering(service, inquiry);
      return answerOf({ ...srvOf(name, records, inquiry), rotates: true }, inquiry);
    }
    case RrType.MX:
      return answerOf(mxOf(name, inquiry.select(name), inquiry), inquiry);
    case RrType.TXT: {
      const [aliases, texts] = [new Section(), new Section()];
      addTexts(name, inquiry, aliases, texts);
      return answerOf({ aliases, answers: texts }, inquiry);
    }
    case RrType.CNAME:
      // The apex has SOA and NS, beside which no CNAME may stand (RFC 1034 §3.6.2).
      return name === apex ? undefined : answerOf({ answers: cnameOf(name, inquiry) }, inquiry);
    case RrType.PTR:
      return isReverse(name) ? answerOf({ answers: ptrOf(name, inquiry) }, inquiry) : undefined;
    case RrType.NS:
      return name === apex ? answerOf(nsOfApex(apex, inquiry), inquiry) : undefined;
    case RrType.SOA:
      return name === apex ? soaAnswer(apex, inquiry) : undefined;
    case RrType.ANY:
      return doesExist(name, inquiry) ? answerOf({ answers: anyOf(name, inquiry) }, inquiry) : undefined;
    default:
      return undefined;
  }
}

/** The records of a service name, by what they say of their ports. */
function offering(service: ServiceName, inquiry: Inquiry) {
  if (service.portName === undefined) return [];
  return inquiry.select(service.base).filter((record) => offers(record, service));
}

function cnameOf(owner: OwnerName, inquiry: Inquiry): Section {
  const answers = new Section();
  for (const record of inquiry.selectExact(owner)) {
    const { host } = record.facts;
    if (host === undefined || !isNameHost(host)) continue;
    answers.add(owner, { type: 'CNAME', target: host }, lifetimeOf(record, inquiry));
  }
  return answers;
}

/** RFC 8482 §4.2: a name that exists has something, which nobody needs to be told in full. */
function anyOf(owner: OwnerName, inquiry: Inquiry): Section {
  const answers = new Section();
  answers.add(owner, { type: 'HINFO', cpu: 'RFC8482', os: '' }, defaultLifetime(inquiry));
  return answers;
}

/** True for this moment only: the serial goes with every change, whatever it touches. */
function soaAnswer(apex: OwnerName, { trail, settings, revision, context }: Inquiry): Outcome {
  trail.holdsUntil(context.nowMs);
  const answers = [soaOf(apex, settings, revision, context.availability)];
  return {
    type: 'answer',
    answers,
    authority: [],
    additional: [],
    authoritative: true,
    rotateFrom: 1,
    ...trail.dependencies(),
  };
}

/** Undefined when there is nothing to answer with. */
function answerOf(
  parts: Partial<TargetSections> & { answers: Section; aliases?: Section; rotates?: boolean },
  { trail }: Inquiry,
): Answer | undefined {
  const { aliases = new Section(), answers, additional = new Section(), rotates = false } = parts;
  if (answers.size === 0) return undefined;
  const records = aliases.recordsWithOneTtl(trail, answers);
  return {
    type: 'answer',
    answers: records,
    authority: [],
    additional: additional.recordsBySet(trail),
    authoritative: true,
    rotateFrom: rotates ? aliases.size : records.length,
    ...trail.dependencies(),
  };
}

function negative(apex: OwnerName, name: OwnerName, inquiry: Inquiry): Outcome {
  const type = doesExist(name, inquiry) ? 'nodata' : 'nxdomain';
  return { type, zone: apex, ...inquiry.trail.dependencies() };
}

/** The same for every type (RFC 8020): something is at the name or below it, by the store or by configuration. */
function doesExist(name: OwnerName, inquiry: Inquiry): boolean {
  if (isConfigured(name, inquiry.settings) || inquiry.exists(name)) return true;
  // Which addresses are below is not looked up: to deny none is always true.
  if (isReverse(name)) return isReversePrefix(name) || ptrOf(name, inquiry).size > 0;
  const service = serviceNameOf(name);
  return service !== undefined && inquiry.select(service.base).some((record) => offers(record, service));
}
