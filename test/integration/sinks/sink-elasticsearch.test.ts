import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ElasticsearchReceiver, type ElasticsearchSettings } from '../../../announcer/sinks/receivers/elasticsearch.ts';
import { parseTarget } from '../../../announcer/sinks/target.ts';
import { Authority } from '../../support/authority.ts';
import { answer, BulkDouble, type BulkDoubleOptions } from '../../support/doubles/bulk-double.ts';
import { numbers, type Pumping, pumping } from '../../support/pumping.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/sink-elasticsearch';
const test = suite(SUITE);
const open: { close(): Promise<void> }[] = [];

test.after.each(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function started(options: BulkDoubleOptions = {}): Promise<BulkDouble> {
  const double = await BulkDouble.start(options);
  open.push(double);
  return double;
}

async function pumped(
  double: BulkDouble,
  rest = '/audit',
  {
    user = '',
    scheme = 'elasticsearch',
    ...settings
  }: { user?: string; scheme?: string } & Partial<ElasticsearchSettings> = {},
): Promise<Pumping> {
  const read = parseTarget(`${scheme}://${user}127.0.0.1:${double.port}${rest}`);
  assert.ok(read.ok && read.target.kind === 'elasticsearch');
  const { target } = read;
  const found = await pumping(new ElasticsearchReceiver({ target, ...settings }));
  open.unshift({ close: () => found.stop() });
  return found;
}

const sequences = ({ stored }: BulkDouble): unknown[] => stored.map(({ document }) => document.sequence);

test('the template comes first and once, then every record, in order, with an id of its own', async () => {
  const double = await started();
  const { record, allTaken, pump } = await pumped(double);
  record(700);
  await allTaken();
  record(1);
  await allTaken();
  assert.equal(sequences(double), numbers(701));
  assert.is(new Set(double.stored.map(({ id }) => id)).size, 701);
  assert.equal(double.breaches, []);
  const templates = double.requests.filter((request) => request.includes('template'));
  assert.equal(templates, ['GET /_index_template/rollcall-audit', 'PUT /_index_template/rollcall-audit?create=true']);
  assert.equal(double.requests.slice(0, 2), templates);
  assert.equal(pump.counts, { sent: 701, retried: 0, dropped: 0, gaps: 0 });
});

test('a template that is there stays as it is', async () => {
  const double = await started();
  const own = { index_patterns: ['audit'], _meta: 'own' };
  double.templates.set('rollcall-audit', own);
  const { record, allTaken } = await pumped(double);
  record(1);
  await allTaken();
  assert.is(double.templates.get('rollcall-audit'), own);
});

test('?daily=1 is an index a day, ?template=0 asks for none', async () => {
  const double = await started();
  const daily = await pumped(double, '/audit?daily=1');
  daily.record(1);
  await daily.allTaken();
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '.');
  assert.is(double.stored[0]?.index, `audit-${today}`);
  double.requests.length = 0;
  const bare = await pumped(double, '/audit?daily=1&template=0');
  bare.record(1);
  await bare.allTaken();
  assert.ok(double.requests.every((request) => request === 'POST /_bulk'));
  assert.equal(double.breaches, []);
});

test('a record that is refused for good is left out, said and counted; the others stand', async () => {
  const double = await started();
  double.refuse = ({ document }) =>
    document.sequence === 3 ? { status: 400, type: 'document_parsing_exception', reason: 'no object' } : undefined;
  const { record, allTaken, pump, log } = await pumped(double);
  record(5);
  await allTaken();
  assert.equal(sequences(double), [1, 2, 4, 5]);
  assert.equal(pump.counts, { sent: 4, retried: 0, dropped: 1, gaps: 0 });
  assert.match(log.of('sink-dropped')[0]?.message ?? '', 'event 3: 400 document_parsing_exception: no object');
});

test('a record that is refused for now is sent again until it is taken, and alone', async () => {
  const double = await started();
  let refusals = 0;
  double.refuse = ({ document }) => {
    if (document.sequence !== 2 || refusals === 3) return undefined;
    refusals += 1;
    return { status: refusals === 2 ? 503 : 429, type: 'es_rejected_execution_exception', reason: 'queue full' };
  };
  const { record, allTaken, pump } = await pumped(double);
  record(4);
  await allTaken();
  assert.equal([...sequences(double)].sort(), [1, 2, 3, 4]);
  assert.equal(pump.counts, { sent: 4, retried: 3, dropped: 0, gaps: 0 });
});

for (const [what, status] of [
  ['429', 429],
  ['503', 503],
  ['404', 404],
] as const) {
  test(`an answer ${what} to a whole batch costs nothing but time`, async () => {
    const double = await started();
    let left = 3;
    double.intercept = (request, response) => {
      if (request.url !== '/_bulk' || left === 0) return false;
      left -= 1;
      answer(response, status, { error: { reason: 'not now' } });
      return true;
    };
    const { record, allTaken, pump, log } = await pumped(double);
    record(8);
    await allTaken();
    assert.equal(sequences(double), numbers(8));
    assert.is(pump.counts.dropped, 0);
    assert.match(log.of('sink-failing')[0]?.message ?? '', `answers POST /_bulk with ${status}`);
  });
}

test('a batch that is too large gets smaller, and one record that is too large is left out', async () => {
  const double = await started();
  double.intercept = (request, response) => {
    if (request.url !== '/_bulk' || Number(request.headers['content-length']) < 1_500) return false;
    answer(response, 413, { error: { reason: 'too large' } });
    return true;
  };
  const { record, allTaken, pump } = await pumped(double);
  record(5);
  record(1, 'x'.repeat(500));
  const large = `${'☃'.repeat(500)}`; // three octets each
  record(1, large);
  record(2);
  await allTaken();
  assert.equal(sequences(double), [1, 2, 3, 4, 5, 6, 8, 9]);
  assert.is(pump.counts.dropped, 1);
});

test('what was sent before, and the answer lost, is known by its id', async () => {
  const double = await started();
  let cut = 2;
  double.intercept = (request, response) => {
    if (request.url !== '/_bulk' || cut === 0) return false;
    cut -= 1;
    if (cut > 0) return false; // stored; the one after it is cut off and sent again
    request.resume().once('end', () => response.destroy());
    return true;
  };
  const { record, allTaken, pump } = await pumped(double);
  record(1);
  await allTaken();
  record(2);
  await allTaken();
  assert.equal(sequences(double), numbers(3));
  assert.ok(pump.counts.retried > 0);
});

test('repeats after a restart do no harm', async () => {
  const double = await started();
  const { record, allTaken } = await pumped(double);
  record(3);
  await allTaken();
  const again = double.stored.map(({ index, id, document }) => [
    JSON.stringify({ create: { _index: index, _id: id } }),
    JSON.stringify(document),
  ]);
  const response = await fetch(`http://127.0.0.1:${double.port}/_bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${again.flat().join('\n')}\n`,
  });
  const { items } = (await response.json()) as { items: { create: { status: number } }[] };
  assert.equal(
    items.map(({ create }) => create.status),
    [409, 409, 409],
  );
  assert.equal(sequences(double), numbers(3));
});

test('a receiver that takes a request and never answers is given up in time', async () => {
  const double = await started();
  double.intercept = () => true;
  const { record, log, allTaken } = await pumped(double, '/audit', { timeoutMs: 100 });
  record(2);
  await until('a failure', () => log.of('sink-failing').length > 0);
  assert.match(
    log.of('sink-failing')[0]?.message ?? '',
    'no answer to GET /_index_template/rollcall-audit within 100 ms',
  );
  double.intercept = () => false;
  await allTaken();
  assert.equal(sequences(double), [1, 2]);
});

test('a user logs in with the password of the file, also with a new one, and neither log has it', async () => {
  const double = await started({ login: { user: 'writer', password: 'first-secret' } });
  const passwordFile = join(temporaryDirectory(), 'password');
  writeFileSync(passwordFile, 'wrong-secret\n');
  const { record, allTaken, log } = await pumped(double, `/audit?password-file=${passwordFile}`, { user: 'writer@' });
  record(1);
  await until('a refusal', () => log.of('sink-failing').length > 0);
  assert.match(
    log.of('sink-failing')[0]?.message ?? '',
    'with 401 (see the user in --sink, and --sink-password-file or ?password-file=)',
  );
  writeFileSync(passwordFile, 'first-secret\n');
  await allTaken();
  double.login = { user: 'writer', password: 'second-secret' };
  writeFileSync(passwordFile, 'second-secret');
  record(1);
  await allTaken();
  assert.equal(sequences(double), [1, 2]);
  assert.not.match(JSON.stringify(log.lines), /secret(?!\.|-file)/);
});

if (hasOpenssl()) {
  test('TLS takes a server of the given authority, and no other', async () => {
    const [key, certFile] = certificate();
    const double = await started({ tls: { key, cert: readFileSync(certFile, 'utf8') } });
    const stranger = await pumped(double, '/audit', { scheme: 'elasticsearchs' });
    stranger.record(1);
    await until('a refusal', () => stranger.log.of('sink-failing').length > 0);
    assert.match(stranger.log.of('sink-failing')[0]?.message ?? '', /self.signed certificate/);
    const trusting = await pumped(double, `/audit?tls=1&ca=${certFile}`);
    trusting.record(2);
    await trusting.allTaken();
    assert.equal(sequences(double), [1, 2]);
    assert.is(stranger.taken(), 0);
  });

  test('a server that wants a client certificate gets it, and a new one when it was renewed', async () => {
    const authority = new Authority('authority');
    for (const name of ['server', 'first', 'second']) authority.sign(name);
    const text = (file: string): string => authority.read(file).toString();
    const [ca, key, cert] = [text('authority.crt'), text('server.key'), text('server.crt')];
    const double = await started({ tls: { key, cert, ca, requestCert: true, rejectUnauthorized: true } });
    const caFile = authority.path('authority.crt');
    const stranger = await pumped(double, `/audit?ca=${caFile}`, { scheme: 'elasticsearchs' });
    stranger.record(1);
    await until('a refusal', () => stranger.log.of('sink-failing').length > 0);
    assert.match(stranger.log.of('sink-failing')[0]?.message ?? '', /it refuses the connection: .*--sink-cert/);
    const [certFile, keyFile] = [authority.path('own.crt'), authority.path('own.key')];
    const install = (name: string): void => {
      copyFileSync(authority.path(`${name}.crt`), certFile);
      copyFileSync(authority.path(`${name}.key`), keyFile);
    };
    install('first');
    const files = `ca=${caFile}&cert=${certFile}&key=${keyFile}`;
    const { record, allTaken, log } = await pumped(double, `/audit?${files}`, { scheme: 'elasticsearchs' });
    record(2);
    await allTaken();
    // The certificate before its key.
    copyFileSync(authority.path('second.crt'), certFile);
    record(1);
    await until('a failure', () => log.of('sink-failing').length > 0);
    assert.match(log.of('sink-failing')[0]?.message ?? '', /its certificate and key cannot be used: .*mismatch/);
    install('second');
    record(1);
    await allTaken();
    assert.equal(sequences(double), numbers(4));
    assert.equal([...new Set(double.clients)], ['first', 'second']);
  });
} else {
  console.log(`SKIP ${SUITE}: TLS: openssl is missing; install the package openssl`);
}

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @returns key, and the file with the certificate */
function certificate(): [key: string, certFile: string] {
  const directory = temporaryDirectory();
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const output = ['-keyout', keyFile, '-out', certFile, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...output], {
    stdio: 'ignore',
  });
  return [readFileSync(keyFile, 'utf8'), certFile];
}

test.run();
