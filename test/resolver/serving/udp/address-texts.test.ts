import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AddressTexts } from '../../../../resolver/serving/udp/address-texts.ts';
import { addressTextOf, encodeSocketAddress, NAME_WORDS } from '../../../../resolver/serving/udp/socket-address.ts';
import fc from '../../../support/properties.ts';

const test = suite('resolver/address-texts');

function wordsOf(host: string, port = 53): Int32Array {
  const words = new Int32Array(NAME_WORDS);
  new Uint8Array(words.buffer).set(encodeSocketAddress(host, port));
  return words;
}

test('an address has its own text, whatever was asked before', () => {
  const texts = new AddressTexts();
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { minLength: 1, maxLength: 50 }), (hosts) => {
      for (const host of [...hosts, ...hosts]) {
        const words = wordsOf(host);
        assert.is(texts.of(words, 0), addressTextOf(words, 0));
      }
    }),
    { numRuns: 300 },
  );
});

test('more addresses than there are places keep their own texts', () => {
  const texts = new AddressTexts();
  for (let round = 0; round < 2; round += 1) {
    for (let at = 0; at < 20_000; at += 1) {
      const host = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
      assert.is(texts.of(wordsOf(host), 0), host);
    }
  }
});

test('the same address with another port has the same text, and nothing is made for it', () => {
  const texts = new AddressTexts();
  const first = texts.of(wordsOf('2001:db8::1', 53), 0);
  const names = Int32Array.from([...wordsOf('192.0.2.1'), ...wordsOf('2001:db8::1', 5353)]);
  assert.is(texts.of(names, NAME_WORDS), first);
});

test('an address that is all zeros is no empty place', () => {
  const texts = new AddressTexts();
  assert.is(texts.of(wordsOf('::'), 0), '::');
  assert.is(texts.of(wordsOf('0.0.0.0'), 0), '0.0.0.0');
});

test.run();
