/** Containers on a macvlan network of a real engine: where the host's own way to their addresses leads, others answer. */
import { execFileSync } from 'node:child_process';
import { Subscription } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { thisMachine } from '../../../announcer/checks/machine.ts';
import { containerProbes } from '../../../announcer/checks/probes.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import type { ProbeResult } from '../../../announcer/observation.ts';
import { silentLog } from '../../../shared/log.ts';
import { rules as usualRules } from '../../support/container-facts.ts';
import { type Followed, follow } from '../../support/followed.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/docker-macvlan';
const test = suite(SUITE);
const RULES = usualRules();
/** What stands for a network card: a bridge of its own, to which nothing else is joined. */
const PARENT = `rcm${process.pid % 100_000}`;
/** Of the range for benchmarks (RFC 2544): nobody's. */
const NET = '198.18.213';
const IMAGE = 'rollcall-test';

let docker: DockerHost;
let followed: Followed;
const work = new Subscription();
const results = new Map<string, readonly ProbeResult[]>();

test.before(async () => {
  execFileSync('ip', ['link', 'add', PARENT, 'type', 'bridge']);
  execFileSync('ip', ['link', 'set', PARENT, 'up']);
  docker = await startDocker();
  await buildBusybox(docker);
  await docker.cli('network', 'create', '-d', 'macvlan', '--subnet', `${NET}.0/24`, '-o', `parent=${PARENT}`, 'lan');
  followed = follow({ host: docker.host });
  const probes = containerProbes({ engine: followed.engine, rules: RULES, log: silentLog });
  work.add(
    probes.observations$.subscribe((seen) => seen.type === 'probed' && results.set(seen.facts.id, seen.results)),
  );
  work.add(followed.engine.observations$.subscribe((seen) => probes.take(seen)));
});
test.after(async () => {
  work.unsubscribe();
  followed?.close();
  await docker?.stop();
  execFileSync('ip', ['link', 'del', PARENT]);
});

const onLan = (check: string, address: string, ...more: string[]): Promise<string> => {
  const labels = [`rollcall.check=${check}`, 'rollcall.as=container', 'rollcall.port=80', 'rollcall.name=web'];
  return docker.run(['--network', 'lan', '--ip', address, ...labels.flatMap((label) => ['-l', label]), IMAGE, ...more]);
};
const verdict = (id: string): Promise<ProbeResult> => until('a verdict', () => results.get(id)?.[0]);
/** Not the first verdict: a machine that is slow may have looked before the service listened. */
const passing = (id: string): Promise<ProbeResult> =>
  until('a verdict that passes', () => results.get(id)?.find((result) => result.passing));

/** What would be announced of it, as `host:port`. */
function announcedOf(id: string): string[] {
  const seen = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
  if (seen?.type !== 'inspected') return [];
  return candidatesOf(seen.facts, RULES).candidates.map(({ record }) => `${record.host}:${record.port}`);
}

let at = 10;
for (const [check, detail] of [
  ['listening', '80/tcp is in LISTEN'],
  ['tcp', 'connect to 80/tcp succeeded'],
  ['http:/index.html', 'GET /index.html answered 200'],
] as const) {
  test(`${check} looks from inside, and the container's own address is announced`, async () => {
    at += 1;
    const address = `${NET}.${at}`;
    const id = await onLan(check, address);
    assert.equal(await passing(id), { port: '80/tcp', passing: true, detail });
    assert.equal(announcedOf(id), [`${address}:80`]);
    assert.not.ok(thisMachine.isOnLink(address), 'the host is part of that network: this proves nothing');
  });
}

test('what nobody serves there is not ready', async () => {
  const id = await onLan('tcp', `${NET}.20`, 'sleep', '600');
  const { passing, detail } = await verdict(id);
  assert.equal([passing, detail], [false, 'nothing listens on 80/tcp']);
});

if (haveDocker(SUITE, ['nsenter'])) test.run();
