import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  choiceSetting,
  type GivenFlags,
  integerSetting,
  listSetting,
  readAs,
  readSettings,
  secondsSetting,
  switchSetting,
} from '../../shared/settings.ts';
import { describeProblems } from '../../shared/settings-report.ts';

const table = {
  ttl: secondsSetting({
    flag: 'lease-ttl',
    help: '',
    default: 60,
    min: 15,
    max: 3600,
    why: 'keepalives go every TTL / 3',
  }),
  listen: listSetting({
    flag: 'listen',
    placeholder: 'ADDRESS:PORT',
    help: '',
    defaultText: '127.0.0.1:5300',
    read: (text) => readAs.hostPort(text),
    absent: () => [{ host: '127.0.0.1', port: 5300 }],
  }),
  level: choiceSetting({ flag: 'level', help: '', choices: ['low', 'high'], default: 'low' }),
  explicit: switchSetting({ flag: 'explicit', help: '' }),
  workers: integerSetting({ flag: 'workers', placeholder: 'N', help: '', default: 1, min: 1, max: 64 }),
};

const test = suite('shared/settings');

test('takes the default when neither flag nor variable says otherwise', () => {
  const read = readSettings(table, {}, {});
  assert.equal(read, {
    ok: true,
    values: {
      ttl: 60,
      listen: [{ host: '127.0.0.1', port: 5300 }],
      level: 'low',
      explicit: false,
      workers: 1,
    },
  });
});

test('a flag wins over its variable, an empty variable counts as absent', () => {
  const environment = { ROLLCALL_LEASE_TTL: '30s', ROLLCALL_LEVEL: '' };
  assert.is(readOk(readSettings(table, {}, environment)).ttl, 30);
  assert.is(readOk(readSettings(table, { 'lease-ttl': '2m' }, environment)).ttl, 120);
  assert.is(readOk(readSettings(table, {}, environment)).level, 'low');
});

test('a list may be repeated, or separated by commas', () => {
  const two = [
    { host: '::1', port: 53 },
    { host: '192.0.2.1', port: 5300 },
  ];
  assert.equal(readOk(readSettings(table, { listen: ['[::1]:53', '192.0.2.1:5300'] }, {})).listen, two);
  assert.equal(readOk(readSettings(table, {}, { ROLLCALL_LISTEN: '[::1]:53, 192.0.2.1:5300' })).listen, two);
});

test('an empty flag is a problem, also as a list or in one; a variable is when it has commas alone', () => {
  const empty = (source: string, given: string, placeholder: string, standard: string): string =>
    `${source}=${JSON.stringify(given)}: names nothing; give ${placeholder}, or leave it out (default: ${standard})`;
  const list = (source: string, given: string): string => empty(source, given, 'ADDRESS:PORT', '127.0.0.1:5300');
  const problems = (flags: GivenFlags, environment = {}): readonly string[] => {
    const read = readSettings(table, flags, environment);
    return read.ok ? [] : read.problems;
  };
  assert.equal(problems({ listen: [''] }), [list('--listen', '')]);
  assert.equal(problems({ listen: ['192.0.2.1:53', ' , '] }), [list('--listen', ' , ')]);
  assert.equal(problems({ workers: '' }), [empty('--workers', '', 'N', '1')]);
  assert.equal(problems({}, { ROLLCALL_LISTEN: ',' }), [list('ROLLCALL_LISTEN', ',')]);
  assert.equal(problems({ listen: ['192.0.2.1:53,'] }, { ROLLCALL_LISTEN: '' }), []);
});

test('every problem is reported at once, each with its source, value, limit and reason', () => {
  const read = readSettings(
    table,
    { 'lease-ttl': '3', listen: ['localhost', '192.0.2.1:53,:1'], workers: '1.5' },
    { ROLLCALL_LEVEL: 'medium', ROLLCALL_EXPLICIT: 'perhaps' },
  );
  assert.not.ok(read.ok);
  assert.is(
    describeProblems('announcer', read.ok ? [] : read.problems),
    [
      'announcer: configuration has 6 problems',
      '  --lease-ttl="3": must be 15 to 3600 s, as 90, 90s, 5m or 1h (keepalives go every TTL / 3)',
      '  --listen="localhost": must be an IP address and a port from 0 to 65535, as 127.0.0.1:5300 or [::1]:5300',
      '  --listen=":1": must be an IP address and a port from 0 to 65535, as 127.0.0.1:5300 or [::1]:5300',
      '  ROLLCALL_LEVEL="medium": must be one of low, high',
      '  ROLLCALL_EXPLICIT="perhaps": must be true or false',
      '  --workers="1.5": must be a whole number, 1 to 64',
    ].join('\n'),
  );
});

function readOk<T>(read: { ok: true; values: T } | { ok: false; problems: readonly string[] }): T {
  if (!read.ok) throw new Error(read.problems.join('; '));
  return read.values;
}

test.run();
