import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../../../announcer/naming/suggestion.ts';

const KNOWN = ['name', 'check', 'check.rise'];

const test = suite('announcer/suggestion');

test('names what was most likely meant, if anything is near', () => {
  assert.is(nearest('nmae', KNOWN), 'name');
  assert.is(nearest('Chek.rise', KNOWN), 'check.rise');
  assert.is(nearest('completely-other', KNOWN), undefined);
});

test('a word that is longer than any name is near none', () => {
  assert.is(nearest('n'.repeat(64), ['n'.repeat(63)]), 'n'.repeat(63));
  assert.is(nearest('n'.repeat(65), ['n'.repeat(64)]), undefined);
});

test.run();
