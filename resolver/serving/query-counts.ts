import { Rcode, RrType } from '../../shared/rrset.ts';

/** Types that are counted under their own names; all others are `other`, so that clients cannot make labels. */
const TYPE_NAMES = [
  'other',
  'A',
  'AAAA',
  'SRV',
  'TXT',
  'CNAME',
  'MX',
  'NS',
  'PTR',
  'SOA',
  'ANY',
  'HTTPS',
  'SVCB',
  'DS',
  'DNSKEY',
  'NAPTR',
] as const;
const TYPE_SLOTS = 16;
const CODES: Readonly<Record<string, number>> = {
  ...RrType,
  HTTPS: 65, // RFC 9460
  SVCB: 64,
  DS: 43, // RFC 4034
  DNSKEY: 48,
  NAPTR: 35, // RFC 3403
};
const SLOT_BY_CODE = new Uint8Array(256);
for (const [slot, name] of TYPE_NAMES.entries()) if (name !== 'other') SLOT_BY_CODE[CODES[name] as number] = slot;

/** Protocol and family of a client: the place in the counts' rows. */
const SOURCES = [
  ['udp', '1'],
  ['udp', '2'],
  ['tcp', '1'],
  ['tcp', '2'],
] as const;

const RCODE_NAMES = new Map(Object.entries(Rcode).map(([name, code]) => [code as number, name]));
const RCODES = 24;

/** Upper bounds in seconds: from a compiled answer to a forwarded name that timed out. */
export const DURATION_BUCKETS = [
  0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5,
] as const;
export const SIZE_BUCKETS = [64, 128, 256, 512, 1232, 4096, 16_384, 65_535] as const;

/** A histogram in plain numbers. */
export class Distribution {
  readonly counts: Float64Array;
  sum = 0;
  readonly #bounds: Float64Array;

  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(bounds);
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how many values are the same */
  observe(value: number, times = 1): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + times;
    this.sum += value * times;
  }
}

/** Why a message got no answer. */
export type IgnoredBecause = 'short' | 'response' | 'rate-limited' | 'port-0';
/** Where an answer came from. */
export type AnsweredFrom = 'compiled' | 'looked-up' | 'forwarded' | 'refused';

/**
 * What the query path counts: plain numbers, because a metrics call would cost a fifth of a query. `query-metrics.ts`
 * hands them over when they are scraped. Totals since start.
 */
export class QueryCounts {
  readonly #requests = new Float64Array(SOURCES.length * TYPE_SLOTS);
  readonly #responses = new Float64Array(RCODES);
  readonly ignored: Record<IgnoredBecause, number> = { short: 0, response: 0, 'rate-limited': 0, 'port-0': 0 };
  readonly answered: Record<AnsweredFrom, number> = { compiled: 0, 'looked-up': 0, forwarded: 0, refused: 0 };
  /** Over the rate limit and answered with an empty TC. */
  slipped = 0;
  truncated = 0;
  /** Responses over UDP that the kernel did not take. */
  unsent = 0;
  /** Questions that could not even be looked up: a fault of ours. */
  failures = 0;
  readonly durationSeconds = new Distribution(DURATION_BUCKETS);
  readonly requestOctets = { udp: new Distribution(SIZE_BUCKETS), tcp: new Distribution(SIZE_BUCKETS) } as const;
  readonly responseOctets = { udp: new Distribution(SIZE_BUCKETS), tcp: new Distribution(SIZE_BUCKETS) } as const;
  /** Queries that want DNSSEC records (RFC 3225), of which there are none here. */
  dnssecOk = 0;

  request(isTcp: boolean, isIpv6: boolean, type: number): void {
    const source = (isTcp ? 2 : 0) + (isIpv6 ? 1 : 0);
    const at = source * TYPE_SLOTS + (type < 256 ? (SLOT_BY_CODE[type] as number) : 0);
    this.#requests[at] = (this.#requests[at] as number) + 1;
  }

  response(isTcp: boolean, rcode: number, octets: number): void {
    this.#responses[rcode] = (this.#responses[rcode] as number) + 1;
    (isTcp ? this.responseOctets.tcp : this.responseOctets.udp).observe(octets);
  }

  /** Rows of protocol, family (1 IPv4, 2 IPv6, as CoreDNS has it) and type, with their totals; none that is 0. */
  *requests(): Iterable<readonly [readonly string[], number]> {
    for (const [row, source] of SOURCES.entries()) {
      for (const [slot, type] of TYPE_NAMES.entries()) {
        const total = this.#requests[row * TYPE_SLOTS + slot] as number;
        if (total > 0) yield [[...source, type], total];
      }
    }
  }

  *responses(): Iterable<readonly [readonly string[], number]> {
    for (const [rcode, total] of this.#responses.entries()) {
      if (total > 0) yield [[RCODE_NAMES.get(rcode) ?? String(rcode)], total];
    }
  }
}
