import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readDockerTls } from '../../../announcer/docker/engine/tls.ts';
import { follow } from '../../support/followed.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { freePort } from '../../support/servers/ports.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/docker-tls');

const directory = temporaryDirectory();
let docker: DockerHost;
let port: number;

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
}

/** A certificate authority, and one certificate of it for each name; for clients in the layout of DOCKER_CERT_PATH. */
function makeCertificates(): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-subj', '/CN=test-ca', '-days', '2');
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(
      join(directory, `${name}.ext`),
      'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
    );
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
  mkdirSync(join(directory, 'client'));
  for (const [from, to] of [
    ['ca', 'ca'],
    ['client', 'cert'],
    ['client-key', 'key'],
  ] as const) {
    execFileSync('cp', [join(directory, `${from}.pem`), join(directory, 'client', `${to}.pem`)]);
  }
}

test.before(async () => {
  makeCertificates();
  port = await freePort();
  const at = (file: string): string => join(directory, `${file}.pem`);
  const tls = ['--tlsverify', '--tlscacert', at('ca'), '--tlscert', at('server'), '--tlskey', at('server-key')];
  docker = await startDocker(['-H', `tcp://127.0.0.1:${port}`, ...tls]);
  await buildBusybox(docker);
});

test.after(() => docker.stop());

const environment = () => ({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(directory, 'client') });

test('follows an engine that asks for client certificates', async () => {
  const tls = readDockerTls(environment());
  const followed = follow({ host: `tcp://127.0.0.1:${port}`, tls });
  try {
    await until('the first list', () => followed.statuses.at(-1)?.up === true);
    assert.is(followed.engine.description, `https://127.0.0.1:${port}`);
    const id = await docker.run(['rollcall-test']);
    await until('running', () => followed.stateOf(id) === 'running');
    await docker.cli('rm', '-f', id);
    await until('gone', () => followed.stateOf(id) === 'gone');
  } finally {
    followed.close();
  }
});

test('says that TLS failed where no certificate is given, or one of another authority', async () => {
  for (const tls of [undefined, { ...readOwn(), ca: '' }]) {
    const followed = follow({ host: `https://127.0.0.1:${port}`, tls });
    const status = await until('the refusal', () => followed.statuses.at(-1));
    followed.close();
    assert.match(status.up ? 'up' : status.reason, /TLS failed|closed the connection/);
  }
});

function readOwn() {
  const tls = readDockerTls(environment());
  if (tls === undefined) throw new Error('no certificates');
  return tls;
}

test('says so where TLS is asked for and plain HTTP is spoken', async () => {
  const followed = follow({ host: `tcp://127.0.0.1:${port}` });
  const status = await until('the refusal', () => followed.statuses.at(-1));
  followed.close();
  assert.match(status.up ? 'up' : status.reason, /HTTP request to an HTTPS server|TLS|closed/i);
});

test('reads no certificates unless DOCKER_TLS_VERIFY asks for them', () => {
  assert.is(readDockerTls({ DOCKER_CERT_PATH: '/nowhere' }), undefined);
  assert.is(readDockerTls({ DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '/nowhere' }), undefined);
});

test('names the file that cannot be read', () => {
  const incomplete = join(directory, 'incomplete');
  mkdirSync(incomplete);
  assert.throws(
    () => readDockerTls({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: incomplete }),
    (error: Error) => error.message.includes(join(incomplete, 'ca.pem')) && error.message.includes('DOCKER_CERT_PATH'),
  );
  rmSync(incomplete, { recursive: true });
});

if (haveDocker('integration/docker-tls', ['openssl'])) test.run();
