import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../resolver/lookup/lookup.ts';
import type { Outcome } from '../../../resolver/lookup/outcome.ts';
import type { LookupContext } from '../../../resolver/lookup/settings.ts';
import { evolve, Zone, type ZoneChange } from '../../../resolver/zone/zone.ts';
import { type EtcdKey, labelsOf, type OwnerName, parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';
import { CONTEXT, NOW_MS, outsideWith, SETTINGS } from '../../support/lookup-table.ts';
import fc from '../../support/properties.ts';
import { deletion, put } from '../../support/zone-text.ts';

const test = suite('resolver/lookup-trail');

// Few labels, so that keys, hosts and questions meet; and every kind of name that a rule speaks of.
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
    text: fc.constant('t'),
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
const write = fc.record({
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
const settings = fc.record({
  zones: fc.constantFrom(['org', 'net'], ['org', 'other.net', '2.0.192.in-addr.arpa']).map((all) => all.map(parseName)),
  local: fc.constantFrom(undefined, parseName('web.org')),
  nsName: fc.constantFrom(undefined, parseName('a.org')),
  legacyApex: fc.boolean(),
  srvWeights: fc.constantFrom('percent' as const, 'raw' as const),
});
const context: LookupContext = {
  ...CONTEXT,
  leaseDeadlineMs: (lease) => NOW_MS + Number(lease) * 1000,
  outside: outsideWith({ 'a.com A': { addresses: ['198.51.100.1'] }, 'web.com A': { addresses: [] } }),
};

const questions = fc.array(fc.record({ name: asked.map(parseName), type }), { minLength: 20, maxLength: 20 });

test('whatever changes an outcome is within its dependencies', () => {
  let changed = 0;
  fc.assert(
    fc.property(
      fc.array(write, { maxLength: 25 }),
      write,
      fc.nat(),
      questions,
      settings,
      (past, write, again, all, chosen) => {
        // Often a key that was written before: changed or deleted.
        const last = { ...write, key: (again % 3 > 0 ? past[again % past.length]?.key : undefined) ?? write.key };
        const zone = Zone.empty('/skydns');
        for (const [index, each] of past.entries()) evolve(zone, eventOf(each, index + 1));
        const ask = () => all.map((question) => lookup(zone, question, { ...SETTINGS, ...chosen }, context));
        const before = ask();
        const change = evolve(zone, eventOf(last, past.length + 1));
        for (const [index, after] of ask().entries()) {
          const outcome = before[index] as Outcome;
          if (!('subtrees' in outcome) || JSON.stringify(outcome) === JSON.stringify(after)) continue;
          changed += 1;
          assert.ok(isTouched(outcome, change), `${JSON.stringify(outcome)} became ${JSON.stringify(after)}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(changed > 500, `only ${changed} outcomes changed`);
});

function eventOf(
  { key, value, lease }: { key: EtcdKey; value: string | undefined; lease: string | undefined },
  revision: number,
) {
  return value === undefined ? deletion(key, revision) : put(key, value, revision, lease);
}

/** How a holder of compiled answers decides what to drop. */
function isTouched(
  outcome: Outcome & { subtrees: readonly OwnerName[]; addresses: readonly string[] },
  change: ZoneChange,
): boolean {
  return (
    change.addresses.some((address) => outcome.addresses.includes(address)) ||
    change.names.some((name) => outcome.subtrees.some((subtree) => isBelow(labelsOf(name), labelsOf(subtree))))
  );
}

function isBelow(name: string[], subtree: string[]): boolean {
  const cut = name.length - subtree.length;
  return cut >= 0 && subtree.every((each, at) => each === '*' || each === name[cut + at]);
}

test('a chain depends on each of its names, an alias outside on none of ours', () => {
  const zone = Zone.empty('/skydns');
  evolve(zone, put('/skydns/org/a' as EtcdKey, '{"host":"b.net"}', 1));
  evolve(zone, put('/skydns/net/b' as EtcdKey, '{"host":"c.com"}', 2));
  const outcome = lookup(
    zone,
    { name: parseName('a.org'), type: A },
    { ...SETTINGS, zones: ['org.', 'net.'] as OwnerName[] },
    CONTEXT,
  );
  assert.ok(outcome.type === 'nodata');
  assert.equal('subtrees' in outcome && outcome.subtrees, ['a.org.', 'b.net.']);
  assert.equal('unresolved' in outcome && outcome.unresolved, [{ name: 'c.com.', type: A }]);
});

test.run();
