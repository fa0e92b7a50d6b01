import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digText } from '../../../shared/text/dig-text.ts';

const test = suite('shared/text/dig-text');

const EMPTY = {
  name: 'web.example.org.',
  type: 'SRV',
  atMs: Date.UTC(2026, 10, 20, 14, 32),
  authoritative: true,
  answer: [],
  authority: [],
  additional: [],
};

test('an answer has the sections that dig prints, with its columns', () => {
  const text = digText({
    ...EMPTY,
    status: 'NOERROR',
    answer: ['web.example.org. 5 IN SRV 10 50 80 a.web.example.org.'],
    additional: ['a.web.example.org. 5 IN A 192.0.2.1'],
  });
  assert.equal(text.split('\n'), [
    '; <<>> rollcall <<>> web.example.org. SRV at 2026-11-20T14:32:00.000Z',
    ';; Got answer:',
    ';; ->>HEADER<<- opcode: QUERY, status: NOERROR',
    ';; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1',
    '',
    ';; QUESTION SECTION:',
    ';web.example.org.\tIN\tSRV',
    '',
    ';; ANSWER SECTION:',
    'web.example.org.\t5\tIN\tSRV\t10 50 80 a.web.example.org.',
    '',
    ';; ADDITIONAL SECTION:',
    'a.web.example.org.\t5\tIN\tA\t192.0.2.1',
  ]);
});

test('a stale answer says so as dig does', () => {
  assert.match(digText({ ...EMPTY, status: 'NOERROR', extendedError: 3 }), '; EDE: 3 (Stale Answer)');
});

test('where there was no message there is none', () => {
  for (const status of ['none', 'FORWARDED']) assert.not.match(digText({ ...EMPTY, status }), 'HEADER');
});

test.run();
