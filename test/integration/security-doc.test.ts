/** The least roles of `docs/security.md`, as they are written there: enough for an announcer and a resolver, and no more. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../shared/log.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { openEtcdStore } from '../../shared/store/etcd/etcd.ts';
import { askUdp } from '../support/servers/dns-client.ts';
import { skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { ready, rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const SUITE = 'integration/security-doc';
const test = suite(SUITE);
const run = promisify(execFile);

/** The first shell block of the page: the roles. */
function rolesOfThePage(): string {
  const [, block] = /```sh\n(.*?)```/s.exec(readFileSync('docs/security.md', 'utf8')) ?? [];
  return block ?? '';
}

test('the roles as written let an announcer and a resolver work, and let neither do more', async () => {
  const etcd = await startEtcd();
  const directory = temporaryDirectory();
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const daemons: ReturnType<typeof startRollcall>[] = [];
  const start = (name: string, password: string, http: number, ...args: string[]): void => {
    mkdirSync(join(directory, name));
    const access = ['--etcd-user', `rollcall-${name}`, '--etcd-password-file', file(`${name}-password`, password)];
    const common = ['--etcd', etcd.url, '--data-dir', join(directory, name), '--http', `127.0.0.1:${http}`];
    daemons.push(startRollcall([name, ...common, ...access, ...args]));
  };
  try {
    await run('sh', ['-e', '-c', rolesOfThePage()], {
      env: { PATH: process.env.PATH, ETCDCTL_ENDPOINTS: etcd.url },
    });
    const services = file('services.json', '{"services":[{"name":"web","host":"192.0.2.10","port":80}]}');
    const [announcerHttp, resolverHttp, port] = [await freePort(), await freePort(), await freePort()];
    const engine = ['--docker', 'unix:///nonexistent/docker.sock'];
    start(
      'announcer',
      'change-me-2',
      announcerHttp,
      ...engine,
      '--services',
      services,
      '--host-name',
      'node-1',
      '--private-ip',
      '10.0.0.5',
    );
    start('resolver', 'change-me-3', resolverHttp, '--listen', `127.0.0.1:${port}`, '--forward', 'none');
    await ready(announcerHttp);
    await ready(resolverHttp);
    const name = 'web.s.prod.example.com';
    await until('the answer', async () => (await askUdp({ host: '127.0.0.1', port }, { name })).answers?.length === 1);
    await until('the cause of it', async () => {
      const answer = await fetch(`http://127.0.0.1:${resolverHttp}/v1/history?name=web`);
      const { history } = (await answer.json()) as { history: readonly { explained?: { cause: string } }[] };
      return history.some(({ explained }) => explained?.cause === 'services file');
    });
    for (const daemon of daemons)
      assert.equal(
        daemon.log().filter(({ event }) => event === 'causes-denied'),
        [],
      );
    // What the roles allow is what `doctor` looks for.
    const access = ['--etcd-user', 'rollcall-announcer', '--etcd-password-file', join(directory, 'announcer-password')];
    const { stdout } = await rollcall(['doctor', '--json', '--etcd', etcd.url, ...access, ...engine]);
    const { findings } = JSON.parse(stdout) as { findings: { about: string; status: string; says: string }[] };
    assert.equal(
      findings.filter(({ about, status }) => about === 'etcd' && status !== 'fine').map(({ says }) => says),
      [],
    );
    for (const [user, password, key] of [
      ['rollcall-resolver', 'change-me-3', '/skydns/com/example/prod/s/web/x/y'],
      ['rollcall-announcer', 'change-me-2', '/skydns/org/other/x'],
      ['rollcall-resolver', 'change-me-3', '/rollcall/causes/node-1'],
    ] as const) {
      const store = openEtcdStore({ endpoints: [etcd.url], user: { name: user, password }, log: silentLog });
      const writing = store.commit({ expect: [], writes: [{ type: 'put', key: key as EtcdKey, value: '{}' }] });
      const error = await writing.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.is((error as { code?: string } | undefined)?.code, 'denied', `${user} may write ${key}`);
      await store.close();
    }
  } finally {
    for (const daemon of daemons) await daemon.end('SIGTERM');
    await etcd.stop();
  }
});

if (!skipWithoutEtcd(SUITE)) test.run();
