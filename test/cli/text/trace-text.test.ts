import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { moreText, traceText } from '../../../cli/text/trace-text.ts';
import type { Trace } from '../../../shared/trace/trace.ts';

const test = suite('cli/trace-text');

const atMs = Date.UTC(2026, 10, 20, 14, 32, 1, 120);
const whole: Trace = {
  key: '/skydns/org/example/web/node-1/3f2a9c01d4e7',
  change: 'withdrawn',
  revision: '17',
  host: 'node-1',
  container: '3f2a9c01d4e7ffff',
  containerName: 'web-1',
  happened: { atMs, text: 'docker kill 15' },
  decided: { atMs: atMs + 1, text: 'to be withdrawn: stopping' },
  stored: { atMs: atMs + 9, text: 'revision 17' },
  applied: { atMs: atMs + 8, text: 'revision 17' },
  answered: { atMs: atMs + 22, text: 'web.example.org. A got nxdomain' },
  legs: { decided: 1, stored: 8, applied: 7, answered: 14 },
  totalMs: 22,
  notes: [],
};

test('a change is a title, a row for each moment with its leg, and the whole', () => {
  assert.is(
    traceText(whole),
    [
      'withdrawn /skydns/org/example/web/node-1/3f2a9c01d4e7, revision 17, container 3f2a9c01d4e7 (web-1)',
      '                when                      leg                         what',
      '  happened      2026-11-20T14:32:01.120Z                              docker kill 15',
      '  decided       2026-11-20T14:32:01.121Z  1 ms after it happened      to be withdrawn: stopping',
      '  in etcd       2026-11-20T14:32:01.129Z  8 ms after the decision     revision 17',
      '  resolver      2026-11-20T14:32:01.128Z  7 ms after the decision     revision 17',
      '  first answer  2026-11-20T14:32:01.142Z  14 ms after it was applied  web.example.org. A got nxdomain',
      '  total 22 ms, from happened to first answer',
    ].join('\n'),
  );
});

test('what is not known says why, and notes stand below', () => {
  const { revision: _revision, container: _container, containerName: _name, totalMs: _total, ...rest } = whole;
  const unknown = { unknown: 'nobody said' };
  const text = traceText({
    ...rest,
    happened: unknown,
    stored: unknown,
    applied: unknown,
    answered: unknown,
    legs: { stored: -12 },
    notes: ['a leg of -12 ms: two clocks differ'],
  });
  const lines = text.split('\n');
  assert.is(lines[0], 'withdrawn /skydns/org/example/web/node-1/3f2a9c01d4e7, no revision');
  assert.match(lines[2] ?? '', /^ {2}happened +not known +nobody said$/);
  assert.match(lines[4] ?? '', /^ {2}in etcd +not known +-12 ms after the decision +nobody said$/);
  assert.is(lines.at(-1), '  ! a leg of -12 ms: two clocks differ');
  assert.not.match(text, 'total');
});

test('other changes of the revision are counted, with what shows them', () => {
  assert.is(moreText(1, '17', 1), '1 more change in revision 17: --last 2');
  assert.is(moreText(127, '17', 5), '127 more changes in revision 17: --last 100');
});

test.run();
