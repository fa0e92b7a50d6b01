import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_ACCESS, type SinkAccess } from '../../../announcer/sinks/access.ts';
import { jsonLine, syslogFrame } from '../../../announcer/sinks/lines.ts';
import { TcpReceiver } from '../../../announcer/sinks/receivers/tcp.ts';
import { checkAccess } from '../../../announcer/sinks/receivers/tls.ts';
import { StartError } from '../../../shared/component.ts';
import { Authority } from '../../support/authority.ts';
import { numbers, type Pumping, pumping, sequencesOf } from '../../support/pumping.ts';
import { haveProgram } from '../../support/servers/etcd.ts';
import { lineServer, reads } from '../../support/servers/line-server.ts';
import { hasRsyslogDriver, type Rsyslog, rsyslogProgram, startRsyslog } from '../../support/servers/rsyslog.ts';
import { type SyslogDouble, syslogDouble } from '../../support/servers/syslog-double.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/sink-tls';
const test = suite(SUITE);
const PID = 4321;
const host = '127.0.0.1';
const frame = (record: Parameters<typeof syslogFrame>[0]): string => syslogFrame(record, PID);
const open: { stop(): Promise<void> }[] = [];

let authority: Authority;
let other: Authority;

test.before(() => {
  authority = new Authority('authority');
  authority.sign('server');
  authority.sign('elsewhere', 'DNS:elsewhere.example.org');
  authority.sign('announcer');
  authority.sign('stranger');
  other = new Authority('other');
  other.sign('announcer');
});

test.after.each(async () => {
  for (const each of open.splice(0).reverse()) await each.stop();
});

const filesOf = (of: Authority, name: string): Pick<SinkAccess, 'cert' | 'key'> => ({
  cert: of.path(`${name}.crt`),
  key: of.path(`${name}.key`),
});
const trusting = (client?: Pick<SinkAccess, 'cert' | 'key'>): SinkAccess => ({
  ...NO_ACCESS,
  ca: authority.path('authority.crt'),
  ...client,
});

function identity(name: string): TlsOptions {
  return {
    key: authority.read(`${name}.key`),
    cert: authority.read(`${name}.crt`),
    ca: authority.read('authority.crt'),
  };
}

async function pumped(port: number, tls: SinkAccess, how = frame): Promise<Pumping> {
  const found = await pumping(new TcpReceiver({ host, port, frame: how, tls, idleMs: 30_000 }));
  open.push(found);
  return found;
}

async function serving(options: TlsOptions): Promise<SyslogDouble> {
  const double = await syslogDouble(options);
  open.push({ stop: () => double.close() });
  return double;
}

async function refusalOf({ log, record, taken }: Pumping): Promise<string> {
  record(1);
  const [line] = await until('a failure', () =>
    log.of('sink-failing').length > 0 ? log.of('sink-failing') : undefined,
  );
  assert.is(taken(), 0);
  return line?.message ?? '';
}

const sequences = ({ messages }: SyslogDouble): number[] =>
  messages.map((message) => (JSON.parse(message.slice(message.indexOf('{'))) as { sequence: number }).sequence);

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`every record arrives once, in order, in frames of RFC 5425, over ${version}`, async () => {
    const double = await serving({ ...identity('server'), minVersion: version, maxVersion: version });
    const { record, allTaken, pump } = await pumped(double.port, trusting());
    record(700, 'é ☃ <34>1 - - - 17 no frame');
    await allTaken();
    record(1);
    await allTaken();
    assert.equal(sequences(double), numbers(701));
    assert.equal(double.breaches, []);
    assert.match(double.messages[0] ?? '', /^<\d+>1 \S+Z node-1 rollcall 4321 held - \{"@timestamp":/);
    assert.equal(pump.counts, { sent: 701, retried: 0, dropped: 0, gaps: 0 });
  });
}

test('a certificate of another authority, or for another name, is not believed, and nothing is sent', async () => {
  const double = await serving(identity('server'));
  assert.match(await refusalOf(await pumped(double.port, NO_ACCESS)), /not trusted: .*--sink-ca, or \?ca=/);
  const elsewhere = await serving(identity('elsewhere'));
  assert.match(await refusalOf(await pumped(elsewhere.port, trusting())), 'is for another name');
  assert.equal([...double.messages, ...elsewhere.messages], []);
});

test('a certificate that was renewed before its key is a failure in a sentence, and counts once its key is there', async () => {
  const double = await serving({ ...identity('server'), requestCert: true, rejectUnauthorized: true });
  const directory = temporaryDirectory();
  const [cert, key] = [join(directory, 'own.crt'), join(directory, 'own.key')];
  copyFileSync(authority.path('announcer.crt'), cert);
  copyFileSync(authority.path('stranger.key'), key);
  const found = await pumped(double.port, trusting({ cert, key }));
  assert.match(await refusalOf(found), /its certificate and key cannot be used: .*mismatch.*--sink-cert/);
  copyFileSync(authority.path('announcer.key'), key);
  await found.allTaken();
  assert.equal(sequences(double), [1]);
});

test('a receiver without TLS gets nothing in the clear', async () => {
  const server = await lineServer(reads);
  open.push({ stop: () => server.close() });
  const found = await pumping(new TcpReceiver({ host, port: server.port, frame, tls: trusting(), idleMs: 300 }));
  open.push(found);
  assert.match(await refusalOf(found), /no connection within 300 ms|speaks no TLS/);
  assert.not.match(server.text(), '@timestamp');
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a receiver that wants a certificate gets ours; without, it refuses and nothing counts as sent (${version})`, async () => {
    const wants = { requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version };
    const double = await serving({ ...identity('server'), ...wants });
    const refused = /(refuses the connection: |broke the TLS handshake off|before anything was sent).*--sink-cert/;
    assert.match(await refusalOf(await pumped(double.port, trusting())), refused);
    assert.match(await refusalOf(await pumped(double.port, trusting(filesOf(other, 'announcer')))), refused);
    assert.equal(double.messages, []);
    const known = await pumped(double.port, trusting(filesOf(authority, 'announcer')));
    known.record(3);
    await known.allTaken();
    assert.equal(sequences(double), numbers(3));
    assert.ok(double.clients.includes('announcer'));
  });
}

test('certificates that were renewed count from the next connection on', async () => {
  const directory = temporaryDirectory();
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => join(directory, name)) as [string, string, string];
  const install = (from: Authority, authorityFile: string, name: string): void => {
    copyFileSync(from.path(authorityFile), ca);
    copyFileSync(from.path(`${name}.crt`), cert);
    copyFileSync(from.path(`${name}.key`), key);
  };
  install(authority, 'authority.crt', 'announcer');
  const double = await serving({ ...identity('server'), requestCert: true });
  const { record, allTaken } = await pumped(double.port, { ...NO_ACCESS, ca, cert, key });
  record(1);
  await allTaken();
  install(authority, 'authority.crt', 'stranger');
  record(1);
  await allTaken();
  assert.equal(double.clients, ['announcer', 'stranger']);
});

test('files that are not what they must be keep the announcer from starting, and say nothing of what is in them', () => {
  const directory = temporaryDirectory();
  const nonsense = join(directory, 'nonsense');
  writeFileSync(nonsense, 'hunter2');
  const problem = (access: Partial<SinkAccess>): string => {
    try {
      checkAccess({ url: 'syslog+tls://host', access: { ...NO_ACCESS, ...access } });
      return 'none';
    } catch (error) {
      assert.instance(error, StartError);
      assert.not.match((error as Error).message, /hunter2|PRIVATE/);
      return (error as Error).message;
    }
  };
  assert.is(problem(trusting(filesOf(authority, 'announcer'))), 'none');
  assert.match(problem({ ca: '/nonexistent' }), '--sink="syslog+tls://host": its certificate authority cannot be read');
  assert.match(problem({ ca: nonsense }), 'holds no PEM certificate');
  assert.match(problem({ passwordFile: '/nonexistent' }), 'its password cannot be read');
  assert.match(problem({ cert: nonsense, key: nonsense }), 'are no PEM certificate and its key');
  const { cert } = filesOf(authority, 'announcer');
  assert.match(problem({ cert, key: authority.path('stranger.key') }), 'are no PEM certificate and its key');
});

const program = rsyslogProgram();
for (const driver of ['gtls', 'ossl'] as const) {
  if (program === undefined || !hasRsyslogDriver(driver)) {
    const missing = driver === 'gtls' ? 'rsyslog-gnutls' : 'rsyslog-openssl';
    console.log(`SKIP ${SUITE}: rsyslog over TLS by ${driver}: install the packages rsyslog and ${missing}`);
    continue;
  }
  test(`a real rsyslog (${driver}) takes JSON lines and syslog from the client that it permits`, async () => {
    const rsyslog = await tlsRsyslog(program, driver);
    const tls = trusting(filesOf(authority, 'announcer'));
    const [json] = rsyslog.jsonPorts;
    const lines = await pumped(json?.port ?? 0, tls, jsonLine);
    const messages = await pumped(rsyslog.syslogPort, tls);
    lines.record(1_000, 'quoted "text", é, ☃ and a \n line break');
    messages.record(200, 'é ☃ <34>1 - - - 17 no frame');
    await lines.allTaken();
    await messages.allTaken();
    await until('all lines in the file', () => sequencesOf(rsyslog.json()).length >= 1_000);
    assert.equal(sequencesOf(rsyslog.json()), numbers(1_000));
    const texts = (): string[] => rsyslog.syslog().match(/\{.*\}/g) ?? [];
    await until('all messages in the file', () => texts().length >= 200);
    const found = texts().map((text) => JSON.parse(text) as { sequence: number; detail: string });
    assert.equal(
      found.map(({ sequence }) => sequence),
      numbers(200),
    );
    assert.is(found[0]?.detail, 'é ☃ <34>1 - - - 17 no frame');
    assert.equal([lines.pump.counts.retried, messages.pump.counts.retried], [0, 0]);
  });

  test(`what a real rsyslog (${driver}) refuses for its certificate counts as sent in no try`, async () => {
    const rsyslog = await tlsRsyslog(program, driver);
    const [json] = rsyslog.jsonPorts;
    for (const client of [undefined, filesOf(other, 'announcer')]) {
      const found = await pumped(json?.port ?? 0, trusting(client), jsonLine);
      await refusalOf(found);
      await until('some more tries', () => found.pump.counts.retried > 3);
      assert.is(found.taken(), 0);
    }
    assert.is(rsyslog.json(), '');
  });
}

async function tlsRsyslog(path: string, driver: 'gtls' | 'ossl'): Promise<Rsyslog> {
  const rsyslog = await startRsyslog(path, {
    driver,
    ca: authority.path('authority.crt'),
    cert: authority.path('server.crt'),
    key: authority.path('server.key'),
    permittedPeer: 'announcer',
  });
  open.push({ stop: () => rsyslog.stop() });
  return rsyslog;
}

if (haveProgram('openssl')) test.run();
else console.log(`SKIP ${SUITE}: openssl is missing; install the package openssl`);
