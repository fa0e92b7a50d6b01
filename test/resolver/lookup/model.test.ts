import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../resolver/lookup/lookup.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import { context, eventOf, questions, settings, type Write, write } from '../../support/lookup-arbitraries.ts';
import { describe, SETTINGS } from '../../support/lookup-table.ts';
import fc from '../../support/properties.ts';
import { type ModelStore, RecordsModel } from '../../support/records-model.ts';

const test = suite('resolver/lookup-model');

test('what a name answers is what the manual says of it', () => {
  let answered = 0;
  fc.assert(
    fc.property(fc.array(write, { minLength: 20, maxLength: 60 }), questions, settings, (writes, asked, chosen) => {
      const zone = Zone.empty('/skydns');
      for (const [index, each] of writes.entries()) evolve(zone, eventOf(each, index + 1));
      const all = { ...SETTINGS, ...chosen };
      const model = new RecordsModel(storeOf(writes), all, context);
      for (const question of asked) {
        const lines = describe(lookup(zone, question, all, context));
        if (!/^(NODATA|NXDOMAIN|OUTSIDE)/.test(lines[0] ?? '')) answered += 1;
        const said = model.answer(question.name, question.type);
        assert.equal(lines.sort(), said.sort(), `${question.name} ${question.type} ${JSON.stringify(chosen)}`);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(answered > 5000, `only ${answered} questions had an answer`);
});

function storeOf(writes: readonly Write[]): ModelStore {
  const store = new Map<string, { value: string; lease: string | undefined }>();
  for (const { key, value, lease } of writes) {
    if (value === undefined) store.delete(key);
    else store.set(key, { value, lease });
  }
  return store;
}

test.run();
