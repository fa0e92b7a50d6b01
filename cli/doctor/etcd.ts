import { randomBytes } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CAUSES } from '../../shared/causes.ts';
import { silentLog } from '../../shared/log.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { LoginError } from '../../shared/store/etcd/errors.ts';
import { openEtcdStore } from '../../shared/store/etcd/etcd.ts';
import { type Store, StoreError } from '../../shared/store.ts';
import type { EtcdAccess } from '../daemon/etcd-access.ts';
import { type Finding, fine, hint, skewFindings, wrong } from './finding.ts';

export interface EtcdToCheck {
  readonly endpoints: readonly string[];
  readonly access: EtcdAccess;
  /** `<prefix>/<domain reversed>/`. */
  readonly domainPrefix: string;
  /** The announcer's claim of this host. */
  readonly claimKey: EtcdKey;
  readonly causesKey: EtcdKey;
}

const ASK_MS = 3_000;
/** For a lease that is given back at once. */
const LEASE_SECONDS = 15;
/** A revision that no store reaches. */
const NEVER = 2n ** 62n;

/** Each endpoint by itself, then what our user may do, on the first that answers. */
export async function checkEtcd(etcd: EtcdToCheck): Promise<Finding[]> {
  const members = await Promise.all(etcd.endpoints.map((endpoint) => checkEndpoint(endpoint, etcd)));
  const answering = etcd.endpoints.find((_endpoint, at) => members[at]?.every(({ status }) => status !== 'wrong'));
  if (answering === undefined) return members.flat();
  return [...members.flat(), ...(await withStore(answering, etcd, (store) => checkRights(store, etcd)))];
}

async function checkEndpoint(endpoint: string, etcd: EtcdToCheck): Promise<Finding[]> {
  const asked = async (store: Store) => attempt(endpoint, async () => refusedKey(() => store.snapshot(etcd.claimKey)));
  const failed = await withStore(endpoint, etcd, asked);
  if (failed !== undefined) return [failed];
  const clockMs = await clockOf(endpoint, etcd.access);
  return [fine('etcd', `${endpoint} answers`), ...skewFindings('etcd', endpoint, clockMs, Date.now())];
}

/** A member that took our login and refuses a key has answered: what our user may do is looked at later. */
async function refusedKey(ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    const isAnswer = error instanceof StoreError && error.code === 'denied' && !(error.cause instanceof LoginError);
    if (!isAnswer) throw error;
  }
}

/** Nothing stays: a write whose condition cannot hold is refused or not all the same, and the lease is given back. */
async function checkRights(store: Store, { domainPrefix, claimKey, causesKey }: EtcdToCheck): Promise<Finding[]> {
  const probe = `${domainPrefix}rollcall-doctor/${randomBytes(6).toString('hex')}` as EtcdKey;
  const write =
    (key: EtcdKey, read = key) =>
    () =>
      store.commit({ expect: [{ key: read, modRevision: NEVER }], writes: [{ type: 'put', key, value: '{}' }] });
  const attempts: readonly (readonly [what: string, make: () => Promise<unknown>])[] = [
    [`reading below ${domainPrefix}`, () => store.snapshot(probe)],
    [`writing below ${domainPrefix}`, write(probe)],
    [`writing the claim ${claimKey}`, write(claimKey)],
    ['a lease', async () => store.revoke((await store.grant(LEASE_SECONDS)).lease)],
  ];
  const findings: Finding[] = [];
  for (const [what, make] of attempts) findings.push((await attempt(what, make)) ?? fine('etcd', `${what}: allowed`));
  // An announcer only writes them: its role need not let it read them.
  findings.push(await checkCauses(causesKey, write(causesKey, probe)));
  return findings;
}

/** No name needs it. */
async function checkCauses(key: EtcdKey, make: () => Promise<unknown>): Promise<Finding> {
  const what = `writing the causes ${key}`;
  const failed = await attempt(what, make);
  if (failed === undefined) return fine('etcd', `${what}: allowed`);
  const advice = `names are announced all the same; for resolvers to tell why they change: \`etcdctl role grant-permission ROLE --prefix=true write ${CAUSES}\``;
  return hint('etcd', failed.says, advice);
}

async function attempt(what: string, make: () => Promise<unknown>): Promise<Finding | undefined> {
  try {
    await make();
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const advice =
      error.code === 'denied'
        ? 'check --etcd-user and --etcd-password-file, or the client certificate, and the role: read and write on --prefix and /rollcall/'
        : 'start etcd there, or mend --etcd; for https, check --etcd-ca, --etcd-cert and --etcd-key';
    return wrong('etcd', `${what}: ${error.message}`, advice);
  }
}

async function withStore<T>(endpoint: string, { access }: EtcdToCheck, use: (store: Store) => Promise<T>): Promise<T> {
  const store = openEtcdStore({ endpoints: [endpoint], ...access, log: silentLog });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** etcd answers HTTP on the same port, with its time in the `Date` header; undefined where that cannot be had. */
function clockOf(endpoint: string, { tls }: EtcdAccess): Promise<number | undefined> {
  const url = new URL('/version', endpoint);
  const ask = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const asking = ask(url, { ...tls, timeout: ASK_MS, agent: false }, (response) => {
      response.resume();
      const clockMs = Date.parse(response.headers.date ?? '');
      resolve(Number.isNaN(clockMs) ? undefined : clockMs);
    });
    asking.on('error', () => resolve(undefined)); // whether it answers is told by the calls that matter
    asking.on('timeout', () => asking.destroy());
    asking.end();
  });
}
