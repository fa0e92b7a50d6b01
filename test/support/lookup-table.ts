import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { OutsideAnswer } from '../../resolver/forwarding/forwarder.ts';
import { lookup } from '../../resolver/lookup/lookup.ts';
import type { Outcome } from '../../resolver/lookup/outcome.ts';
import type { Question } from '../../resolver/lookup/question.ts';
import type { LookupContext, LookupSettings } from '../../resolver/lookup/settings.ts';
import { type OwnerName, parseName } from '../../shared/name.ts';
import { RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { zoneFrom } from './zone-text.ts';

/** One rule, one row: a zone, questions, and what they get. */
export interface Row {
  /** The rule that the row guards: the test's name. */
  readonly rule: string;
  /** See `zone-text.ts`. */
  readonly zone: string;
  /** `name TYPE`, then what it gets: RRs, those of the additional section behind a `+`, or `NODATA zone` and the like. */
  readonly asks: Readonly<Record<string, string>>;
  readonly settings?: Partial<LookupSettings>;
  readonly context?: Partial<LookupContext>;
}

export const NOW_MS = 1_700_000_000_000;

export const SETTINGS: LookupSettings = {
  zones: ['example.org.', 'example.net.'].map(parseName),
  defaultTtlSeconds: 5,
  negativeTtlSeconds: 7,
  srvWeights: 'percent',
  legacyApex: false,
};

export const CONTEXT: LookupContext = {
  nowMs: NOW_MS,
  leaseDeadlineMs: () => undefined,
  outside: () => undefined,
  availability: 'live',
};

export function checkRows(test: ReturnType<typeof suite>, rows: readonly Row[]): void {
  for (const { rule, zone, asks, settings, context } of rows) {
    test(rule, () => {
      const held = zoneFrom(zone);
      for (const [ask, gives] of Object.entries(asks)) {
        const outcome = lookup(held, questionFrom(ask), { ...SETTINGS, ...settings }, { ...CONTEXT, ...context });
        assert.equal(describe(outcome), linesOf(gives), ask);
      }
    });
  }
}

/** `web.example.org SRV`; a type that has no name of ours is its number. */
export function questionFrom(text: string): Question {
  const [name = '', type = 'A'] = text.split(' ');
  return { name: parseName(name), type: RrType[type as RrTypeName] ?? Number(type) };
}

/** Answers of a forwarder that knows the given names: addresses by `name TYPE`. */
export function outsideWith(
  known: Readonly<Record<string, { addresses: string[]; aliases?: string[]; ttlSeconds?: number; failed?: true }>>,
): LookupContext['outside'] {
  const answers = new Map<string, OutsideAnswer>();
  for (const [ask, { addresses, aliases = [], ttlSeconds = 60, failed }] of Object.entries(known)) {
    const { name, type } = questionFrom(ask);
    answers.set(`${name} ${type}`, {
      addresses,
      aliases: aliases.map(parseName) as OwnerName[],
      validUntilMs: NOW_MS + Math.max(1, ttlSeconds) * 1000,
      ...(ttlSeconds === 0 && { ttlIsZero: true as const }),
      ...(failed && { failed }),
    });
  }
  return ({ name, type }) => answers.get(`${name} ${type}`);
}

export function describe(outcome: Outcome): string[] {
  switch (outcome.type) {
    case 'answer':
      return [
        ...outcome.answers.map(formatRecord),
        ...outcome.authority.map((record) => `! ${formatRecord(record)}`),
        ...outcome.additional.map((record) => `+ ${formatRecord(record)}`),
      ];
    case 'nodata':
    case 'nxdomain':
      return [`${outcome.type.toUpperCase()} ${outcome.zone}`];
    case 'servfail':
      return [`SERVFAIL ${outcome.extendedError}`];
    default:
      return [outcome.type.toUpperCase()];
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '');
}
