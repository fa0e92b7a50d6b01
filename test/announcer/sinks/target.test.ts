import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { announcerConfig, announcerSettings } from '../../../announcer/config.ts';
import { parseTarget, redacted } from '../../../announcer/sinks/target.ts';
import { readSettings } from '../../../shared/settings.ts';

const test = suite('announcer/sinks/target');

const elastic = { kind: 'elasticsearch', host: 'es.example.org', port: 9200, index: 'audit', tls: false } as const;
const rest = { user: undefined, isDaily: false, hasTemplate: true } as const;

for (const [url, expected] of [
  ['logstash://192.0.2.7', { kind: 'logstash', host: '192.0.2.7', port: 5959 }],
  ['logstash://[2001:db8::1]:6000', { kind: 'logstash', host: '2001:db8::1', port: 6000 }],
  ['syslog://log.example.org', { kind: 'syslog', transport: 'tcp', host: 'log.example.org', port: 514 }],
  ['syslog+udp://log.example.org:1514', { kind: 'syslog', transport: 'udp', host: 'log.example.org', port: 1514 }],
  ['elasticsearch://es.example.org/audit', { ...elastic, ...rest }],
  ['elasticsearchs://es.example.org:9243/audit', { ...elastic, ...rest, port: 9243, tls: true }],
  [
    'elasticsearch://writer@es.example.org/audit?tls=1&daily=1&template=0',
    { ...elastic, tls: true, user: 'writer', isDaily: true, hasTemplate: false },
  ],
  ['file:///var/log/rollcall/audit%20log.jsonl', { kind: 'file', path: '/var/log/rollcall/audit log.jsonl' }],
  ['stdout:', { kind: 'stdout' }],
] as const) {
  test(`${url} is read`, () => assert.equal(parseTarget(url), { ok: true, target: { ...expected, url } }));
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
  ['elasticsearch://host:9200/audit?retry=1', '?retry=1 is not known'],
  ['elasticsearch://host:9200/audit?daily=yes', '?daily=yes is not known'],
  ['elasticsearch://user:hunter2@host:9200/audit', 'put it in --sink-password-file'],
  ['file://audit.jsonl', 'must be an absolute path'],
  ['file:audit.jsonl', 'must be an absolute path'],
  ['file:///var/log/', 'must be an absolute path'],
  ['stdout', 'is no URL'],
  ['stdout://x', 'write stdout:'],
] as const) {
  test(`${url} is refused`, () => {
    const read = parseTarget(url);
    assert.ok(!read.ok);
    assert.match(read.problem, problem);
    assert.not.match(read.problem, 'hunter2');
  });
}

for (const [url, shown] of [
  ['elasticsearch://user:hunter2@host/x', 'elasticsearch://user:***@host/x'],
  ['elasticsearch://:hunter2@host/x', 'elasticsearch://:***@host/x'],
  ['elasticsearch://user:hu/nt@er:2@host/x', 'elasticsearch://user:***@host/x'],
  ['logstash://host:5959', 'logstash://host:5959'],
] as const) {
  test(`${shown} is what messages show`, () => assert.is(redacted(url), shown));
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
