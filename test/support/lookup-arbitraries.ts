/** Small worlds for property tests of lookups: few labels, so that keys, hosts and questions meet, and every kind of name that a rule speaks of. */

import type { LookupContext } from '../../resolver/lookup/settings.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { type EtcdKey, parseName } from '../../shared/name.ts';
import { RrType } from '../../shared/rrset.ts';
import { CONTEXT, NOW_MS, outsideWith } from './lookup-table.ts';
import fc from './properties.ts';
import { deletion, put } from './zone-text.ts';

/** A put, or a deletion of what may be there. */
export interface Write {
  readonly key: EtcdKey;
  readonly value: string | undefined;
  /** Its id is the seconds that it has left. */
  readonly lease: string | undefined;
}

const label = fc.constantFrom('a', 'b', 'any', 'web');
const path = fc.array(label, { minLength: 1, maxLength: 3 });
const home = fc.constantFrom('org', 'net', 'org/dns/ns', 'org/dns/apex', 'net/other', 'com');
const key = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(home, path).map(([top, below]) => `/skydns/${top}/${below.join('/')}`) },
  { weight: 1, arbitrary: fc.constantFrom('/skydns/org/dns/ns', '/skydns/arpa/in-addr/192/0/2/1', '/skydns/org') },
) as fc.Arbitrary<EtcdKey>;
const nameBelow = fc
  .tuple(path, fc.constantFrom('org', 'net', 'com', 'dns.org'))
  .map(([front, top]) => `${front.join('.')}.${top}`);
const host = fc.oneof(fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'), nameBelow);
const fields = fc.record(
  {
    host,
    text: fc.constantFrom('t', 'u'),
    port: fc.constantFrom(80, -1),
    weight: fc.constantFrom(1, 50),
    priority: fc.constantFrom(5, 10),
    group: fc.constantFrom('1', '2'),
    mail: fc.constant(true),
    targetstrip: fc.constantFrom(1, 2),
    portName: fc.constantFrom('http', 'x'),
    ttl: fc.constantFrom(1, 60),
    other: fc.nat(1),
  },
  { requiredKeys: [] },
);
const value = fc.oneof(
  { weight: 9, arbitrary: fields.map((each) => JSON.stringify(each)) },
  { weight: 1, arbitrary: fc.constant('bad') },
);
export const write: fc.Arbitrary<Write> = fc.record({
  key,
  value: fc.option(value, { nil: undefined }),
  lease: fc.constantFrom(undefined, '20', '40'),
});

const asked = fc.oneof(
  { weight: 4, arbitrary: nameBelow },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('*', 'any', 'b'), fc.constantFrom('*', 'any', 'a'), fc.constantFrom('org', 'net'))
      .map((all) => all.join('.')),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'org',
      'net',
      'dns.org',
      'ns.dns.org',
      'local.dns.org',
      'local.dns.net',
      '_http._tcp.web.org',
      '_tcp.a.org',
      '_x._tcp.any.org',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('1.2.0.192.in-addr.arpa', '2.0.192.in-addr.arpa', '2.2.0.192.in-addr.arpa') },
);
const { A, AAAA, SRV, MX, TXT, CNAME, NS, PTR, ANY } = RrType;
const type = fc.constantFrom(A, A, SRV, SRV, AAAA, MX, TXT, CNAME, NS, PTR, ANY, 99);

export const questions = fc.array(fc.record({ name: asked.map(parseName), type }), { minLength: 20, maxLength: 20 });

export const settings = fc.record({
  zones: fc.constantFrom(['org', 'net'], ['org', 'other.net', '2.0.192.in-addr.arpa']).map((all) => all.map(parseName)),
  local: fc.constantFrom(undefined, parseName('web.org')),
  nsName: fc.constantFrom(undefined, parseName('a.org')),
  legacyApex: fc.boolean(),
  srvWeights: fc.constantFrom('percent' as const, 'raw' as const),
});

/** Leases have left what their ids say, and of the names outside two are known, one without an address. */
export const context: LookupContext = {
  ...CONTEXT,
  leaseDeadlineMs: (lease) => NOW_MS + Number(lease) * 1000,
  outside: outsideWith({ 'a.com A': { addresses: ['198.51.100.1'] }, 'web.com A': { addresses: [] } }),
};

export function eventOf({ key, value, lease }: Write, revision: number): ZoneEvent {
  return value === undefined ? deletion(key, revision) : put(key, value, revision, lease);
}
