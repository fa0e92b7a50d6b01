import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cut } from '../../../../resolver/lookup/records/text.ts';

const test = suite('resolver/lookup-text');

test('text is cut at 255 octets, with no empty string at an exact multiple (RFC 1035 §3.3)', () => {
  const lengths = (octets: number) => cut('0'.repeat(octets)).map((text) => text.length);
  assert.equal(lengths(3), [3]);
  assert.equal(lengths(254), [254]);
  assert.equal(lengths(255), [255]);
  assert.equal(lengths(256), [255, 1]);
  assert.equal(lengths(400), [255, 145]);
  assert.equal(lengths(510), [255, 255]);
  assert.equal(lengths(2000), [255, 255, 255, 255, 255, 255, 255, 215]);
});

test('the strings together are the text’s UTF-8 octets', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 600 }), (text) => {
      assert.is(cut(text).join(''), Buffer.from(text, 'utf8').toString('latin1'));
    }),
  );
});

test.run();
