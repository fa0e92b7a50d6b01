import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { announcerConfig, announcerSettings } from '../../../announcer/config.ts';
import { NO_ACCESS } from '../../../announcer/sinks/access.ts';
import { parseTarget } from '../../../announcer/sinks/target.ts';
import { readSettings } from '../../../shared/settings.ts';

const test = suite('announcer/sinks/target');

const access = NO_ACCESS;
const plain = { tls: false, access } as const;
const elastic = { kind: 'elasticsearch', host: 'es.example.org', port: 9200, index: 'audit', ...plain } as const;
const rest = { user: undefined, isDaily: false, hasTemplate: true } as const;
const logs = { host: 'log.example.org', tls: true } as const;

for (const [url, expected] of [
  ['logstash://192.0.2.7', { kind: 'logstash', host: '192.0.2.7', port: 5959, ...plain }],
  ['logstash://[2001:db8::1]:6000', { kind: 'logstash', host: '2001:db8::1', port: 6000, ...plain }],
  ['syslog://log.example.org', { kind: 'syslog', transport: 'tcp', host: 'log.example.org', port: 514, ...plain }],
  [
    'syslog+udp://log.example.org:1514',
    { kind: 'syslog', transport: 'udp', host: 'log.example.org', port: 1514, ...plain },
  ],
  ['elasticsearch://es.example.org/audit', { ...elastic, ...rest }],
  ['elasticsearchs://es.example.org:9243/audit', { ...elastic, ...rest, port: 9243, tls: true }],
  [
    'elasticsearch://writer@es.example.org/audit?tls=1&daily=1&template=0',
    { ...elastic, tls: true, user: 'writer', isDaily: true, hasTemplate: false },
  ],
  ['file:///var/log/rollcall/audit%20log.jsonl', { kind: 'file', path: '/var/log/rollcall/audit log.jsonl' }],
  ['stdout:', { kind: 'stdout' }],
  ['logstash+tls://log.example.org', { kind: 'logstash', ...logs, port: 5959, access }],
  ['syslog+tls://log.example.org', { kind: 'syslog', transport: 'tcp', ...logs, port: 6514, access }],
  [
    'logstash+tls://log.example.org:6000?ca=/etc/ca.pem&cert=/etc/c%2C1.pem&key=/etc/k.pem',
    {
      kind: 'logstash',
      ...logs,
      port: 6000,
      access: { ...access, ca: '/etc/ca.pem', cert: '/etc/c,1.pem', key: '/etc/k.pem' },
      id: 'logstash+tls://log.example.org:6000',
    },
  ],
  [
    'elasticsearchs://w@es.example.org/audit?daily=1&password-file=/p&ca=/ca.pem',
    {
      ...elastic,
      tls: true,
      user: 'w',
      isDaily: true,
      hasTemplate: true,
      access: { ...access, ca: '/ca.pem', passwordFile: '/p' },
      id: 'elasticsearchs://w@es.example.org/audit?daily=1',
    },
  ],
] as const) {
  test(`${url} is read`, () => assert.equal(parseTarget(url), { ok: true, target: { id: url, ...expected, url } }));
}

for (const [url, problem] of [
  ['audit.log', 'is no URL'],
  ['kafka://host:9092', 'there is no kind of sink "kafka"'],
  ['logstash://', 'names no host'],
  ['logstash://host:0', 'port 0'],
  ['logstash://host:5959/path', 'a scheme, a host and a port only'],
  ['syslog://user@host', 'a scheme, a host and a port only'],
  ['elasticsearch://host:9200', 'name the data stream'],
  ['elasticsearch://host:9200/Upper', 'name the data stream'],
  ['elasticsearch://host:9200/a/b', 'name the data stream'],
  ['elasticsearch://host:9200/audit?retry=1', '?retry is not known'],
  ['elasticsearch://host:9200/audit?api_key=hunter2', '?api_key is not known'],
  ['elasticsearch://host:9200/audit?daily=yes', '?daily=yes is not known'],
  ['elasticsearch://user:hunter2@host:9200/audit', 'put it in --sink-password-file'],
  ['file://audit.jsonl', 'must be an absolute path'],
  ['file:audit.jsonl', 'must be an absolute path'],
  ['file:///var/log/', 'must be an absolute path'],
  ['stdout', 'is no URL'],
  ['stdout://x', 'write stdout:'],
  ['logstash://host?ca=/ca.pem', 'for TLS write +tls'],
  ['syslog+udp://host?ca=/ca.pem', 'for TLS write +tls'],
  ['logstash+tls://host?daily=1', 'and ?ca=FILE'],
  ['syslog+tls://host?password-file=/p', 'and ?ca=FILE'],
  ['syslog+tls://host?ca=', '?ca= must name one file'],
  ['syslog+tls://host?ca=/a&ca=/b', '?ca= must name one file'],
  ['syslog+tls://host?cert=/c', 'needs both'],
  ['elasticsearchs://host/audit?key=/k', 'needs both'],
] as const) {
  test(`${url} is refused`, () => {
    const read = parseTarget(url);
    assert.ok(!read.ok);
    assert.match(read.problem, problem);
    assert.not.match(read.problem, 'hunter2');
  });
}

function problemsOf(flags: Record<string, string | string[]>): readonly string[] {
  const read = readSettings(announcerSettings, flags, {});
  if (!read.ok) return read.problems;
  const config = announcerConfig({ ...read.values, prefix: '/skydns' });
  return config.ok ? [] : config.problems;
}

test('every wrong URL is reported at once, beside what else is wrong, and no password', () => {
  const problems = problemsOf({
    sink: ['kafka://host', 'elasticsearch://u:hunter2@host/x', 'stdout:', 'stdout:', 'logstash://host'],
    'lease-ttl': '3',
  });
  assert.equal(problems.map((problem) => problem.slice(0, 44)).sort(), [
    '--lease-ttl="3": must be 15 to 86400 s, as 9',
    '--sink="elasticsearch://u:***@host/x": a pas',
    '--sink="kafka://host": there is no kind of s',
    '--sink="stdout:": is given twice',
  ]);
  assert.not.match(problems.join('\n'), 'hunter2');
});

test('a user without a password, and an authority without TLS, are mistakes', () => {
  const problems = problemsOf({ sink: 'elasticsearch://u@host/x', 'sink-ca': '/ca.pem' });
  assert.equal(
    problems.map((problem) => problem.slice(0, 44)),
    ['--sink="elasticsearch://u@host/x": names a u', '--sink-ca is given, but no --sink uses TLS: '],
  );
});

test('certificates go with TLS, and in pairs', () => {
  const files = { 'sink-cert': '/c', 'sink-key': '/k' };
  assert.equal(problemsOf({ sink: 'syslog+tls://host', ...files }), []);
  assert.match(problemsOf({ sink: 'syslog+tls://host', 'sink-cert': '/c' }).join(), '--sink-cert is given without');
  assert.match(problemsOf({ sink: 'syslog://host', ...files }).join('\n'), /--sink-cert is.*no --sink uses TLS/);
  assert.match(problemsOf({ sink: 'elasticsearch://host/x?ca=/ca' }).join(), 'has a certificate, but no TLS');
  assert.match(problemsOf({ sink: 'elasticsearch://host/x?password-file=/p' }).join(), 'but names no user');
});

test('each sink has the files of its URL, and those of the flags where it names none', () => {
  const read = readSettings(
    announcerSettings,
    {
      sink: [
        'syslog+tls://a',
        'syslog+tls://b?ca=/own-ca&cert=/own&key=/own-key',
        'elasticsearchs://u@c/x?password-file=/own-password',
        'elasticsearch://u@d/x',
        'logstash://e',
      ],
      'sink-ca': '/ca',
      'sink-cert': '/cert',
      'sink-key': '/key',
      'sink-password-file': '/password',
    },
    {},
  );
  assert.ok(read.ok);
  const config = announcerConfig({ ...read.values, prefix: '/skydns' });
  assert.ok(config.ok);
  const all = { ca: '/ca', cert: '/cert', key: '/key' };
  assert.equal(
    config.config.sinks.targets.map((target) => 'access' in target && target.access),
    [
      { ...all, passwordFile: undefined },
      { ca: '/own-ca', cert: '/own', key: '/own-key', passwordFile: undefined },
      { ...all, passwordFile: '/own-password' },
      { ...NO_ACCESS, passwordFile: '/password' },
      NO_ACCESS,
    ],
  );
});

test('a sink with other files is the same sink', () => {
  const problems = problemsOf({ sink: ['syslog+tls://a?ca=/one', 'syslog+tls://a?ca=/two'] });
  assert.match(problems.join(), 'is given twice');
});

test('a password file without a user is a mistake', () => {
  const problems = problemsOf({ sink: 'elasticsearch://host/x', 'sink-password-file': '/secret' });
  assert.match(problems.join('\n'), 'no --sink names a user');
});

test('an allow-list has a bound', () => {
  assert.is(problemsOf({ 'sink-label': ['a', 'b.c/d'] }).length, 0);
  assert.match(problemsOf({ 'sink-label': Array.from({ length: 33 }, (_, at) => `l${at}`) })[0] ?? '', 'at most 32');
  assert.match(problemsOf({ 'sink-label': 'two words' })[0] ?? '', 'must be the name of a label');
});

test.run();
