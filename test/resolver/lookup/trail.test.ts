import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../resolver/lookup/lookup.ts';
import type { Outcome } from '../../../resolver/lookup/outcome.ts';
import { evolve, Zone, type ZoneChange } from '../../../resolver/zone/zone.ts';
import { type EtcdKey, labelsOf, type OwnerName, parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';
import { context, eventOf, questions, settings, write } from '../../support/lookup-arbitraries.ts';
import { CONTEXT, SETTINGS } from '../../support/lookup-table.ts';
import fc from '../../support/properties.ts';
import { put } from '../../support/zone-text.ts';

const test = suite('resolver/lookup-trail');

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
    { name: parseName('a.org'), type: RrType.A },
    { ...SETTINGS, zones: ['org.', 'net.'] as OwnerName[] },
    CONTEXT,
  );
  assert.ok(outcome.type === 'nodata');
  assert.equal('subtrees' in outcome && outcome.subtrees, ['a.org.', 'b.net.']);
  assert.equal('unresolved' in outcome && outcome.unresolved, [{ name: 'c.com.', type: RrType.A }]);
});

test.run();
