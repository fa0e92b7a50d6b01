import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LABEL_NAMES, problemOfField, readLabels, shownLabels } from '../../../announcer/naming/labels.ts';
import { facts } from '../../support/container-facts.ts';

const test = suite('announcer/labels');

const read = (labels: Record<string, string>) => readLabels(facts({ labels }));
const record = (labels: Record<string, string>) => read(labels).record;

test('reads the record’s fields', () => {
  const labels = {
    'rollcall.priority': '20',
    'rollcall.weight': '5',
    'rollcall.ttl': '30',
    'rollcall.text': 'primary',
    'rollcall.group': 'g1',
    'rollcall.mail': 'yes',
    'rollcall.targetstrip': '2',
  };
  const fields = { priority: 20, weight: 5, ttl: 30, text: 'primary', group: 'g1', mail: true, targetstrip: 2 };
  assert.equal(record(labels), fields);
  assert.equal(read(labels).problems, []);
});

const BAD_FIELDS: readonly (readonly [string, string, RegExp])[] = [
  ['priority', '0', /1 to 65535; 0 would be read as absent, which is 10/],
  ['priority', '65536', /1 to 65535/],
  ['priority', 'high', /1 to 65535/],
  ['weight', '-1', /1 to 65535/],
  ['ttl', '0', /1 to 86400 seconds/],
  ['ttl', '1.5', /1 to 86400 seconds/],
  ['text', 'x'.repeat(1025), /1025 octets; at most 1024/],
  ['group', 'g'.repeat(64), /64 octets; at most 63/],
  ['mail', 'maybe', /true or false/],
  ['targetstrip', '128', /0 to 127 labels/],
];
for (const [field, value, reason] of BAD_FIELDS) {
  test(`rollcall.${field}=${value.slice(0, 8)} costs that label alone, and says why`, () => {
    const settings = read({ [`rollcall.${field}`]: value, 'rollcall.name': 'web' });
    assert.equal(settings.record, {});
    assert.is(settings.name, 'web');
    assert.equal(settings.faults, []);
    assert.is(settings.problems.length, 1);
    assert.match(settings.problems[0] ?? '', reason);
    assert.ok(settings.problems[0]?.startsWith(`rollcall.${field}=`));
  });
}

const FAULTS: readonly (readonly [string, string, RegExp])[] = [
  ['announce', 'never', /must be true or false \(or yes, on, 1, no, off, 0\)/],
  ['as', 'pubilc', /must be private, public or container/],
  ['announce_as', 'host', /must be private, public or container/],
  ['check', 'htp:/x', /must be auto, healthcheck/],
  ['check', 'http:x', /must be auto, healthcheck/],
  ['check', 'http://localhost:8080/health', /must be auto, healthcheck/],
  ['check', 'exec:', /must be auto, healthcheck/],
  ['port', 'http', /"http" is no port/],
  ['port', '132/sctp', /sctp has no record/],
  ['port', '0', /1 to 65535/],
  ['port', '1-65535', /at most 100/],
  ['port.80', '80', /at least one letter/],
];
for (const [label, value, reason] of FAULTS) {
  test(`rollcall.${label}=${value} cannot be guessed around`, () => {
    const { faults, problems } = read({ [`rollcall.${label}`]: value });
    assert.is(faults.length, 1);
    assert.match(faults[0] ?? '', reason);
    assert.equal(problems, []);
  });
}

test('what is shown of a check is no command, and no password or value of a query', () => {
  for (const [given, shown] of [
    ['exec:redis-cli -a hunter2 ping', 'exec:***'],
    ['exec:["/app","hunter2"]', 'exec:***'],
    ['exex:redis-cli -a hunter2 ping', 'exex:***'],
    ['redis-cli -a hunter2 ping', 'redis-cli ***'],
    ['http:/ok?token=hunter2', 'http:/ok?token=***'],
    ['http:/ok -H hunter2', 'http:***'],
    ['http://bob:hunter2@localhost/ok?token=hunter2', 'http://bob:***@localhost/ok?token=***'],
    ['bob:hunter2@localhost/ok', 'bob:***'],
    ['http:/healthz', 'http:/healthz'],
    ['listening', 'listening'],
  ] as const) {
    const labels = { 'rollcall.check': given, 'rollcall.name': 'web' };
    assert.equal(shownLabels(labels), { 'rollcall.check': shown, 'rollcall.name': 'web' });
    for (const fault of read(labels).faults)
      assert.ok(fault.startsWith(`rollcall.check=${JSON.stringify(shown)}: must be `));
  }
});

test('reads ports: several, ranges, udp, named', () => {
  assert.equal(read({ 'rollcall.port': '8086, 9000/udp,7000-7001' }).ports, [
    { containerPort: 8086, protocol: 'tcp' },
    { containerPort: 9000, protocol: 'udp' },
    { containerPort: 7000, protocol: 'tcp' },
    { containerPort: 7001, protocol: 'tcp' },
  ]);
  assert.equal(read({ 'rollcall.port.http': '8080', 'rollcall.port': '8080,9000' }).ports, [
    { containerPort: 8080, protocol: 'tcp', portName: 'http' },
    { containerPort: 9000, protocol: 'tcp' },
  ]);
  assert.is(read({}).ports, undefined);
});

test('a port has one name: the others are said, whatever order the labels have', () => {
  const labels: [string, string][] = [
    ['rollcall.port.metrics', '8080'],
    ['rollcall.port.http', '8080'],
    ['rollcall.port', '8080'],
  ];
  for (const order of [labels, labels.toReversed()]) {
    const settings = read(Object.fromEntries(order));
    assert.equal(settings.ports, [{ containerPort: 8080, protocol: 'tcp', portName: 'http' }]);
    assert.equal(settings.faults, []);
    assert.equal(settings.problems, [
      'rollcall.port.metrics="8080": 8080/tcp is named http already, and a port has one name',
    ]);
  }
});

test('reads how it is announced, by either name of the label', () => {
  assert.is(read({ 'rollcall.as': 'Public' }).as, 'public');
  assert.is(read({ 'rollcall.announce_as': 'container' }).as, 'container');
  assert.is(read({ 'rollcall.announce': 'false' }).announce, false);
  assert.is(read({ 'rollcall.announce': 'perhaps' }).announce, undefined);
});

test('reads checks', () => {
  const check = (text: string) => read({ 'rollcall.check': text }).check;
  assert.equal(check('none'), { kind: 'none' });
  assert.equal(check('Listening'), { kind: 'listening' });
  assert.equal(check('http'), { kind: 'http', path: '/' });
  assert.equal(check('http:/health?full=1'), { kind: 'http', path: '/health?full=1' });
  assert.equal(check('exec:pg_isready -q'), { kind: 'exec', command: ['/bin/sh', '-c', 'pg_isready -q'] });
  assert.equal(check('exec:["/app","check"]'), { kind: 'exec', command: ['/app', 'check'] });
});

test('reads the timing of checks within bounds', () => {
  const { timing, problems } = read({
    'rollcall.check.interval': '500ms',
    'rollcall.check.timeout': '1m',
    'rollcall.check.rise': '2',
    'rollcall.check.fall': '0',
  });
  assert.equal(timing, { intervalMs: 500, timeoutMs: 60_000, rise: 2, fall: 3 });
  assert.equal(problems, ['rollcall.check.fall="0": must be 1 to 100 results in a row']);
  assert.is(read({ 'rollcall.check.interval': '10' }).timing.intervalMs, 10_000, 'a bare number is seconds');
});

test('an unknown label is named, with the one that was meant', () => {
  const { problems } = read({ 'rollcall.nmae': 'web', 'rollcall.chek.rise': '2', 'rollcall.completely-other': 'x' });
  assert.equal(problems, [
    "rollcall.nmae is no label of rollcall's; did you mean rollcall.name?",
    "rollcall.chek.rise is no label of rollcall's; did you mean rollcall.check.rise?",
    "rollcall.completely-other is no label of rollcall's",
  ]);
});

test('an empty label is an absent one', () => {
  const settings = read({ 'rollcall.name': '', 'rollcall.port': ' ', 'rollcall.as': '' });
  assert.equal(
    [settings.name, settings.ports, settings.as, settings.faults, settings.problems],
    [undefined, undefined, undefined, [], []],
  );
});

test('registrator’s tags are the text, unless there is one', () => {
  assert.is(record({ SERVICE_TAGS: 'master,backups' }).text, 'master,backups');
  assert.is(record({ SERVICE_TAGS: 'master', 'rollcall.text': 'own' }).text, 'own');
});

test('bounds of a field are the same for a static service', () => {
  assert.is(problemOfField('ttl', '30'), undefined);
  assert.match(problemOfField('ttl', '0') ?? '', /1 to 86400/);
});

test('every label is listed for the manual', () => {
  for (const name of ['rollcall.check.timeout', 'rollcall.network', 'rollcall.announce']) {
    assert.ok(LABEL_NAMES.includes(name), name);
  }
});

test.run();
