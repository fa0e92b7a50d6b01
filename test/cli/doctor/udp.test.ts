import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { udpFindings } from '../../../cli/doctor/udp.ts';
import type { SystemCalls } from '../../../resolver/serving/udp/system-calls.ts';

const test = suite('cli/doctor/udp');

const statusOf = (...args: Parameters<typeof udpFindings>) => udpFindings(...args).map(({ status }) => status);

test('in batches is fine', () => {
  assert.equal(statusOf('auto', { ok: true, calls: {} as SystemCalls }), ['fine']);
});

test('one by one is a hint with the reason, unless it was chosen', () => {
  const [finding] = udpFindings('auto', { ok: false, reason: 'there is no koffi' });
  assert.is(finding?.status, 'hint');
  assert.match(finding?.says ?? '', 'one by one: there is no koffi');
  assert.equal(statusOf('off', { ok: false, reason: '--udp-batch off' }), ['fine']);
});

test.run();
