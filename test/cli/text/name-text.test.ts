import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeName } from '../../../cli/text/name-text.ts';

const test = suite('cli/name-text');

const record = '192-0-2-10.node-1.web.s.prod.example.com. 5 IN A 192.0.2.10';

test('rules, keys with what they count for, and answers; types without a record share a line', () => {
  const lines = describeName({
    name: 'web.s.prod.example.com.',
    revision: '3',
    steps: [
      { rule: 'zone', input: 'zones s.prod.example.com.', verdict: 's.prod.example.com.' },
      { rule: 'rewrite', input: '', verdict: 'none' },
    ],
    keys: [
      {
        key: '/skydns/com/example/prod/s/web/node-1/x',
        value: '{"host":"192.0.2.10"}',
        revision: '3',
        selected: true,
        reason: 'below the name',
        ttl: '5 s of its own',
        explained: { cause: 'docker start', host: 'node-1' },
      },
      { key: '/skydns/com/y', value: 'z', revision: '2', selected: false, reason: 'no JSON', ttl: '' },
    ],
    truncated: true,
    answers: {
      A: { outcome: 'answer', records: ['web.s.prod.example.com. 5 IN A 192.0.2.10'] },
      AAAA: { outcome: 'nodata', records: [], additional: ['s.prod.example.com. 5 IN SOA …'] },
      SRV: { outcome: 'answer', records: ['web.s.prod.example.com. 5 IN SRV 10 100 80 x.'], additional: [record] },
      TXT: { outcome: 'nodata', records: [] },
    },
  });
  assert.equal(lines, [
    'name web.s.prod.example.com., zone at revision 3',
    '  zone: zones s.prod.example.com. → s.prod.example.com.',
    '  rewrite: none',
    '  counts: /skydns/com/example/prod/s/web/node-1/x (revision 3)',
    '    below the name',
    '    TTL: 5 s of its own',
    '    written because: docker start, on node-1',
    '    {"host":"192.0.2.10"}',
    '  does not count: /skydns/com/y (revision 2)',
    '    no JSON',
    '    z',
    '  … and more keys',
    '  answer to A:',
    '    web.s.prod.example.com. 5 IN A 192.0.2.10',
    '  answer to SRV:',
    '    web.s.prod.example.com. 5 IN SRV 10 100 80 x.',
    `    ${record}`,
    '  nodata to AAAA, TXT',
  ]);
});

test('what a daemon of another version leaves out is left out', () => {
  assert.equal(describeName({ name: 'web.' }), ['name web., zone at revision unknown']);
});

test('what is not told stands last, with why', () => {
  const note = 'why the keys were written is not told: the journal cannot be read (EIO)';
  assert.is(describeName({ name: 'web.example.org.', revision: '3', note }).at(-1), `  ! ${note}`);
});

test.run();
