import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Log, silentLog } from '../../../shared/log.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import { type Store, StoreError } from '../../../shared/store.ts';
import { Authority } from '../../support/authority.ts';
import { type Etcd, haveProgram, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { failsWith, follow, put } from '../../support/store-contract.ts';
import { until } from '../../support/until.ts';

const passwords = suite('etcd with users and passwords');
const certificates = suite('etcd with certificates');

/** The least that etcd takes. */
const TOKEN_SECONDS = 1;
const ROOT = ['--user', 'root:secret'];
const USER = { name: 'announcer', password: 'pass:word' };

const codeOf = (error: unknown): string => (error instanceof StoreError ? error.code : String(error));

async function breakOf(store: Store, prefix: string): Promise<StoreError> {
  const follower = follow(store, prefix, 1n);
  await until('the watch to be refused', () => follower.error !== undefined);
  assert.instance(follower.error, StoreError);
  return follower.error as StoreError;
}

async function addUser(etcd: Etcd, user: string, prefix: string): Promise<void> {
  await etcd.ctl('role', 'add', `${user}-role`);
  await etcd.ctl('role', 'grant-permission', '--prefix', `${user}-role`, 'readwrite', prefix);
  await etcd.ctl('user', 'grant-role', user, `${user}-role`);
}

let etcd: Etcd;
let store: Store;

passwords.before(async () => {
  etcd = await startEtcd({ extraArgs: ['--auth-token-ttl', String(TOKEN_SECONDS), '--bcrypt-cost', '4'] });
  await etcd.ctl('user', 'add', 'root:secret');
  await etcd.ctl('user', 'grant-role', 'root', 'root');
  await etcd.ctl('user', 'add', `${USER.name}:${USER.password}`);
  await addUser(etcd, USER.name, '/mine/');
  store = openEtcdStore({ endpoints: [etcd.url], user: USER, log: silentLog });
});

passwords.after(async () => {
  await store.close();
  await etcd.kill();
});

passwords('a user for an etcd that asks for none is no error, but is said', async () => {
  const events: string[] = [];
  const log: Log = { ...silentLog, warn: (event) => void events.push(event) };
  const early = openEtcdStore({ endpoints: [etcd.url], user: USER, log });
  await early.snapshot('/mine/');
  await put(early, '/mine/early', '');
  assert.equal(events, ['etcd-auth-off']);
  // Switched on under a running store: from then on it logs in.
  await etcd.ctl('auth', 'enable');
  await put(early, '/mine/early', '2');
  assert.is((await failsWith('denied', () => early.snapshot('/other/'))).code, 'denied');
  await early.close();
});

passwords('a user reads, writes, watches and leases what its role allows', async () => {
  const { revision } = await store.snapshot('/mine/');
  const follower = follow(store, '/mine/', revision + 1n);
  await follower.live();
  const { lease } = await store.grant(60);
  await put(store, '/mine/a', '1', lease);
  assert.ok((await store.keepAlive(lease)) > 0);
  assert.ok((await store.timeToLive(lease)) !== undefined);
  await store.revoke(lease);
  await follower.count(2);
  follower.stop();
});

passwords('what no role allows is denied, with the endpoint, the key and what to do', async () => {
  for (const refused of [
    () => store.snapshot('/other/'),
    () => put(store, '/other/a', ''),
    async () => Promise.reject(await breakOf(store, '/other/')),
  ]) {
    const { message } = await failsWith('denied', refused);
    assert.match(message, etcd.url);
    assert.match(message, '/other/');
    assert.match(message, /permission denied; a role of the user must allow it/);
    assert.not.match(message, /may have been done/);
  }
  const comparing = store.commit({ expect: [{ key: '/other/a' as EtcdKey, absent: true }], writes: [] });
  assert.match((await failsWith('denied', () => comparing)).message, /: comparing 1 keys, the first \/other\/a: /);
  // A refused watch does not harm the ones after it.
  const follower = follow(store, '/mine/', (await store.snapshot('/mine/')).revision + 1n);
  await follower.live();
  follower.stop();
});

passwords('no user and a wrong password are denied, with what to set', async () => {
  const nobody = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  assert.match((await failsWith('denied', () => nobody.snapshot('/mine/'))).message, /set --etcd-user/);
  assert.is((await breakOf(nobody, '/mine/')).code, 'denied');
  await nobody.close();
  const wrong = openEtcdStore({ endpoints: [etcd.url], user: { ...USER, password: 'guess' }, log: silentLog });
  for (const refused of [
    () => wrong.snapshot('/mine/'),
    () => wrong.keepAlive('1' as never),
    async () => Promise.reject(await breakOf(wrong, '/mine/')),
  ]) {
    const { message } = await failsWith('denied', refused);
    assert.match(message, /user "announcer": .*authentication failed.*check --etcd-user and --etcd-password-file/);
    assert.not.match(message, 'guess');
  }
  await wrong.close();
});

passwords('a wrong password is denied with several endpoints too', async () => {
  const away = 'http://127.0.0.1:1';
  const wrong = openEtcdStore({ endpoints: [away, etcd.url], user: { ...USER, password: 'guess' }, log: silentLog });
  await failsWith('denied', () => wrong.snapshot('/mine/'));
  await wrong.close();
  const right = openEtcdStore({ endpoints: [away, etcd.url], user: USER, log: silentLog });
  await right.snapshot('/mine/');
  await right.close();
});

passwords(
  'a login that has expired is made anew, for calls, heartbeats and watches, and leaves no connection',
  async () => {
    const proxy = await startTcpProxy(etcd.url);
    const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], user: USER, log: silentLog });
    const { revision } = await through.snapshot('/mine/');
    const standing = follow(through, '/mine/', revision + 1n);
    await standing.live();
    const uses: (() => Promise<unknown>)[] = [
      () => through.snapshot('/mine/'),
      () => put(through, '/mine/expired', ''),
      async () => {
        const follower = follow(through, '/mine/', revision + 1n);
        await follower.live();
        follower.stop();
      },
    ];
    for (const use of uses) {
      // etcd looks for expired logins once a second.
      await wait((TOKEN_SECONDS + 1.3) * 1_000);
      await use();
    }
    await standing.count(1);
    assert.is(standing.error, undefined, 'a watch that stands needs no new login');
    standing.stop();
    // One connection of the calls, three of watches, one for each of four logins.
    assert.ok(proxy.accepted >= 8, `only ${proxy.accepted} connections: nothing had expired`);
    await until('one connection, of the calls', () => proxy.open === 1);
    await through.close();
    await proxy.close();
  },
);

passwords('logins that etcd forgot in a restart are made anew', async () => {
  const { lease } = await store.grant(60);
  await etcd.restart();
  const follower = follow(store, '/mine/', (await store.snapshot('/mine/')).revision + 1n);
  await follower.live();
  await put(store, '/mine/restarted', '', lease);
  await follower.count(1);
  follower.stop();
  await etcd.restart();
  assert.ok((await store.keepAlive(lease)) > 0);
  await etcd.restart();
  const first = follow(store, '/mine/', (await etcdRevision()) + 1n);
  await first.live();
  first.stop();
});

async function etcdRevision(): Promise<bigint> {
  const text = await etcd.ctl(...ROOT, 'get', '/mine/', '--write-out', 'json');
  return BigInt(/"revision":(\d+)/.exec(text)?.[1] as string);
}

let authority: Authority;
let secured: Etcd;
const identity = (name: string) => ({
  ca: authority.read('authority.crt'),
  cert: authority.read(`${name}.crt`),
  key: authority.read(`${name}.key`),
});

certificates.before(async () => {
  authority = new Authority('authority');
  for (const name of ['server', 'announcer', 'root']) authority.sign(name);
  const path = (file: string): string => authority.path(file);
  secured = await startEtcd({
    scheme: 'https',
    extraArgs: [
      ...['--cert-file', path('server.crt'), '--key-file', path('server.key')],
      ...['--trusted-ca-file', path('authority.crt'), '--client-cert-auth'],
      ...['--bcrypt-cost', '4'],
    ],
    ctlArgs: ['--cacert', path('authority.crt'), '--cert', path('root.crt'), '--key', path('root.key')],
  });
});

certificates.after(async () => {
  await secured.kill();
});

certificates('with a certificate that etcd trusts, everything works over TLS', async () => {
  const tls = openEtcdStore({ endpoints: [secured.url], tls: identity('announcer'), log: silentLog });
  const { revision } = await tls.snapshot('/tls/');
  const follower = follow(tls, '/tls/', revision + 1n);
  const { lease } = await tls.grant(60);
  await put(tls, '/tls/a', '1', lease);
  await follower.count(1);
  assert.ok((await tls.keepAlive(lease)) > 0);
  follower.stop();
  await tls.close();
});

certificates(
  'without one, or with an authority that did not sign etcd, nothing does, and the message says why',
  async () => {
    const none = openEtcdStore({
      endpoints: [secured.url],
      tls: { ca: authority.read('authority.crt') },
      log: silentLog,
    });
    const refused = await failsWith('unavailable', () => none.snapshot('/tls/'));
    assert.match(refused.message, secured.url);
    assert.match(
      refused.message,
      /TLS alert: [a-z ]*certificate[a-z ]*; etcd refuses our certificate; see --etcd-cert/,
    );
    await none.close();
    const other = new Authority('other');
    const stranger = openEtcdStore({
      endpoints: [secured.url],
      tls: { ...identity('announcer'), ca: other.read('other.crt') },
      log: silentLog,
    });
    const untrusted = await failsWith('unavailable', () => stranger.snapshot('/tls/'));
    assert.match(untrusted.message, /no connection: .*certificate.*see --etcd-ca/);
    const follower = follow(stranger, '/tls/', 1n);
    await until('the error', () => follower.error !== undefined);
    assert.is(codeOf(follower.error), 'unavailable');
    await stranger.close();
  },
);

certificates('with users switched on, the certificate names the user', async () => {
  await secured.ctl('user', 'add', 'root:secret');
  await secured.ctl('user', 'grant-role', 'root', 'root');
  await secured.ctl('user', 'add', '--no-password', 'announcer');
  await addUser(secured, 'announcer', '/mine/');
  await secured.ctl('auth', 'enable');
  const named = openEtcdStore({ endpoints: [secured.url], tls: identity('announcer'), log: silentLog });
  await put(named, '/mine/a', '1');
  const follower = follow(named, '/mine/', (await named.snapshot('/mine/')).revision);
  await follower.count(1);
  follower.stop();
  await failsWith('denied', () => named.snapshot('/other/'));
  assert.is((await breakOf(named, '/other/')).code, 'denied');
  await named.close();
});

if (!skipWithoutEtcd('etcd with users, passwords and certificates')) {
  passwords.run();
  if (haveProgram('openssl')) certificates.run();
  else console.log('SKIP etcd with certificates: openssl is missing; install the package openssl');
}
