import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ownAddresses, probesWanted, WHOLE_CONTAINER } from '../../../announcer/checks/check.ts';
import type { ContainerFacts } from '../../../announcer/facts.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import { facts, fixtureFacts, published, rules } from '../../support/container-facts.ts';

const test = suite('announcer/check');

const BOTH = [published('53/udp', 53), published('80/tcp', 8080)];
const TIMING = { intervalMs: 5000, timeoutMs: 2000, rise: 1, fall: 3 };

const wanted = (changes: Partial<ContainerFacts>) => probesWanted(facts(changes), rules());
const kinds = (changes: Partial<ContainerFacts>) =>
  candidatesOf(facts(changes), rules()).candidates.map(({ check }) => check.kind);

test('auto: the HEALTHCHECK where there is one', () => {
  assert.equal(kinds({ health: 'starting' }), ['healthcheck']);
  assert.equal(wanted({ health: 'starting' }), []);
});

test('auto: listening where there is none', () => {
  assert.equal(wanted({}), [{ kind: 'listening', port: '80/tcp', ...TIMING }]);
});

test('none and healthcheck need no probe', () => {
  assert.equal(wanted({ labels: { 'rollcall.check': 'none' } }), []);
  assert.equal(wanted({ labels: { 'rollcall.check': 'healthcheck' }, health: 'healthy' }), []);
});

test('each port is checked once, however many keys hang on it', () => {
  const probes = wanted({ ports: [published('80/tcp', 8080), published('443/tcp', 8443)] });
  assert.equal(
    probes.map(({ port }) => port),
    ['80/tcp', '443/tcp'],
  );
});

test('udp cannot be asked over tcp or http: it is looked for', () => {
  for (const check of ['tcp', 'http:/health']) {
    assert.equal(
      wanted({ ports: BOTH, labels: { 'rollcall.check': check } }).map(({ kind, port }) => `${kind} ${port}`),
      ['listening 53/udp', `${check === 'tcp' ? 'tcp' : 'http'} 80/tcp`],
    );
  }
});

test('one port may be checked for all', () => {
  const labels = { 'rollcall.check': 'http:/health', 'rollcall.check.port': '9000' };
  const probes = wanted({ ports: [published('80/tcp', 8080), published('443/tcp', 8443)], labels });
  assert.equal(probes, [{ kind: 'http', port: '9000/tcp', path: '/health', ...TIMING }]);
});

test('a command is run once for the container', () => {
  const labels = { 'rollcall.check': 'exec:["/check"]', 'rollcall.check.interval': '1m' };
  const probes = wanted({ ports: BOTH, labels });
  assert.equal(probes, [{ kind: 'exec', port: WHOLE_CONTAINER, command: ['/check'], ...TIMING, intervalMs: 60_000 }]);
});

test('knows which ports are announced at an address of the container’s own', () => {
  const networks = [{ name: 'b', ipv4: '172.18.0.2', ipv6: '' }];
  const own = (labels: Record<string, string>) => [
    ...ownAddresses(facts({ ports: BOTH, networks, labels }), rules()).entries(),
  ];
  assert.equal(own({ 'rollcall.as': 'container' }), [
    ['53/udp', '172.18.0.2'],
    ['80/tcp', '172.18.0.2'],
  ]);
  assert.equal(own({}), []);
});

test('what does not run is not checked', () => {
  for (const name of ['paused', 'restarting', 'exited', 'created']) {
    assert.equal(probesWanted(fixtureFacts(name), rules()), [], name);
  }
  assert.equal(wanted({ pid: 0 }), []);
});

test('what is not announced is not checked', () => {
  assert.equal(wanted({ labels: { 'rollcall.announce': 'false' } }), []);
});

test.run();
