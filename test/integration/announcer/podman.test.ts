/** The announcer's engine against a real Podman's Docker API. */
import { Subscription } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { containerProbes } from '../../../announcer/checks/probes.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import type { ProbeResult } from '../../../announcer/observation.ts';
import { silentLog } from '../../../shared/log.ts';
import { rules as usualRules } from '../../support/container-facts.ts';
import { type Followed, follow } from '../../support/followed.ts';
import { havePodman, PodmanHost } from '../../support/servers/podman.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/podman';
const test = suite(SUITE);
const RULES = usualRules();

let podman: PodmanHost;
let followed: Followed;
const work = new Subscription();
const results = new Map<string, readonly ProbeResult[]>();

test.before(async () => {
  podman = await PodmanHost.start();
  followed = follow({ host: podman.host });
  const probes = containerProbes({ engine: followed.engine, rules: RULES, log: silentLog });
  work.add(
    probes.observations$.subscribe((seen) => seen.type === 'probed' && results.set(seen.facts.id, seen.results)),
  );
  work.add(followed.engine.observations$.subscribe((seen) => probes.take(seen)));
});
test.after(async () => {
  work.unsubscribe();
  followed?.close();
  await podman?.stop();
});

/** Not the first verdict: a machine that is slow may have looked before the service listened. */
const passing = (id: string): Promise<ProbeResult> =>
  until('a verdict that passes', () => results.get(id)?.find((result) => result.passing));
const isState = (id: string, state: string): Promise<boolean> =>
  until(state, () => followed.stateOf(id) === state, { timeoutMs: 50_000 });

test('a container is found, its port is seen in LISTEN, and what happens to it is told', async () => {
  const port = await freePort();
  const id = await podman.run({
    Cmd: ['/bin/httpd', '-f', '-p', String(port)],
    Labels: { 'rollcall.name': 'web', 'rollcall.port': String(port) },
    HostConfig: { NetworkMode: 'host' },
  });
  assert.equal(await passing(id), { port: `${port}/tcp`, passing: true, detail: `${port}/tcp is in LISTEN` });
  const seen = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
  const [candidate] = seen?.type === 'inspected' ? candidatesOf(seen.facts, RULES).candidates : [];
  assert.equal([candidate?.service, candidate?.record.port], ['web', port]);
  await podman.ask('POST', `/containers/${id}/pause`);
  await isState(id, 'paused');
  await podman.ask('POST', `/containers/${id}/unpause`);
  await isState(id, 'running');
  await podman.ask('POST', `/containers/${id}/stop?t=1`);
  // Long before the next comparison: told by an event, or by the inspect that another event of the stop asked for.
  await isState(id, 'exited');
  await podman.ask('DELETE', `/containers/${id}?force=1`);
  await isState(id, 'gone');
});

test('a check looks into a network of the container alone', async () => {
  const id = await podman.run({
    Cmd: ['/bin/httpd', '-f', '-p', '8080'],
    Labels: { 'rollcall.name': 'inner', 'rollcall.port': '8080', 'rollcall.check': 'tcp' },
    ExposedPorts: { '8080/tcp': {} },
    HostConfig: { NetworkMode: 'bridge', PortBindings: { '8080/tcp': [{ HostPort: String(await freePort()) }] } },
  });
  assert.equal(await passing(id), { port: '8080/tcp', passing: true, detail: 'connect to 8080/tcp succeeded' });
});

if (havePodman(SUITE)) test.run();
