import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { undrainText } from '../../../cli/text/undrain-text.ts';

const test = suite('cli/undrain-text');

const one = { container: 'a'.repeat(64), name: 'one', services: ['web'], largestTtlSeconds: 5 };
const two = { ...one, container: 'b'.repeat(64), name: 'two' };
const answer = { host: false, containers: [one, two], waitSeconds: 0 };

test('who was drained is told apart from who was not', () => {
  assert.is(
    undrainText({ ...answer, before: { host: false, containers: [two.container] } }),
    'no longer drained: two (bbbbbbbbbbbb)\nwas not drained: one (aaaaaaaaaaaa)',
  );
});

test('of one on a drained host it is said that it stays so', () => {
  assert.is(
    undrainText({ ...answer, containers: [one], before: { host: true, containers: [one.container] } }),
    'no longer drained: one (aaaaaaaaaaaa)\nthe host is drained, and all on it: `rollcall undrain --host` ends that',
  );
});

test('a host that was not drained is no longer called drained', () => {
  assert.is(
    undrainText({ ...answer, host: true, before: { host: false, containers: [] } }),
    'the host was not drained',
  );
  assert.is(
    undrainText({ ...answer, host: true, before: { host: true, containers: [] } }),
    'the host is no longer drained',
  );
});

test('an announcer that does not say who was drained is taken at its word', () => {
  assert.is(undrainText({ ...answer, containers: [one] }), 'no longer drained: one (aaaaaaaaaaaa)');
});

test.run();
