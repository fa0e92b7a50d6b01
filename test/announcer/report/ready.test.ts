import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { notReadyReasons, type ReadinessView } from '../../../announcer/report/ready.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';

const READY: ReadinessView = {
  claim: { state: 'held', fence: { key: '/rollcall/hosts/node-1' as EtcdKey, modRevision: 1n }, lease: '7' as LeaseId },
  storeLostReason: undefined,
  refusal: undefined,
  engine: 'unix:///run/docker.sock',
  engineStatus: { up: true, synced: true },
  wasEngineSynced: true,
  servicesFile: undefined,
  areServicesRead: true,
  isSettled: true,
  wasReady: false,
};
const noEngine = { engineStatus: { up: false, reason: 'there is no such socket' } as const, wasEngineSynced: false };

const test = suite('announcer/ready');

for (const [rule, view, expected] of [
  ['ready when all is read and written', {}, []],
  ['the store away', { storeLostReason: 'the store does not answer: no' }, ['the store does not answer: no']],
  ['a request refused', { refusal: 'too many' }, ['the store refuses what is to be written: too many']],
  ['the host not claimed yet', { claim: { state: 'asking' } }, ['the host is being claimed']],
  [
    'the host another’s',
    { claim: { state: 'waiting', holder: 'announcer aaaa (process 7, since then)', untilSeconds: 17 } },
    ['waiting for another announcer of this host to go: announcer aaaa (process 7, since then)'],
  ],
  [
    'the first list not read',
    { engineStatus: { up: true, synced: false }, wasEngineSynced: false },
    ['the containers of the Docker engine at unix:///run/docker.sock are being read'],
  ],
  ['a later list not read yet is no reason', { engineStatus: { up: true, synced: false } }, []],
  [
    'no engine, and nothing else to announce',
    noEngine,
    ['no Docker engine reachable at unix:///run/docker.sock: there is no such socket'],
  ],
  ['no engine, but a services file', { ...noEngine, servicesFile: '/etc/services.json' }, []],
  [
    'a services file not read',
    { servicesFile: '/etc/services.json', areServicesRead: false },
    ['the services file /etc/services.json has not been read'],
  ],
  ['the first keys not written', { isSettled: false }, ['what was found is being written to the store']],
  ['later writes are everyday life', { isSettled: false, wasReady: true }, []],
] as const satisfies readonly (readonly [string, Partial<ReadinessView>, readonly string[]])[]) {
  test(rule, () => assert.equal(notReadyReasons({ ...READY, ...view }), [...expected]));
}

test.run();
