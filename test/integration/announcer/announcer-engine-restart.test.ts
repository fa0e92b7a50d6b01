/** A real Docker daemon that goes and comes back under the whole announcer: the socket reappears, containers do or do not live on. */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnnouncerOnEngine, announceOn } from '../../support/announcer-on-engine.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/announcer-engine-restart';
const test = suite(SUITE);
const IMAGE = 'rollcall-test';
/** From the daemon's return: it is asked again within 5 s; then list and inspects. The periodic comparison comes after 60 s. */
const CAUGHT_UP_WITHIN_MS = 50_000;

async function onEngine(
  args: readonly string[],
  scenario: (docker: DockerHost, on: AnnouncerOnEngine) => Promise<void>,
): Promise<void> {
  const docker = await startDocker(args);
  try {
    await buildBusybox(docker);
    const on = await announceOn(docker.host);
    try {
      await scenario(docker, on);
    } finally {
      await on.stop();
    }
  } finally {
    await docker.stop();
  }
}

/** The word of a container's key, from what the engine itself says. */
async function wordOf(docker: DockerHost, id: string, service: string): Promise<string> {
  const [port = ''] = (await docker.cli('port', id, '80/tcp')).split('\n');
  return `${service}/${id.slice(0, 12)} ${port.split(':').at(-1)}`;
}

const run = (docker: DockerHost, name: string, ...args: string[]): Promise<string> =>
  docker.run(['-p', '80', '-l', `rollcall.name=${name}`, '-l', 'rollcall.check=none', ...args, IMAGE]);

test('with --live-restore: no key is touched while the daemon is away, and a death of that time is found', () =>
  onEngine(['--live-restore'], async (docker, on) => {
    const [kept, lost] = [await run(docker, 'kept'), await run(docker, 'lost')];
    const [keptWord, lostWord] = [await wordOf(docker, kept, 'kept'), await wordOf(docker, lost, 'lost')];
    await on.stands([keptWord, lostWord]);
    const lostPid = Number(await docker.cli('inspect', '-f', '{{.State.Pid}}', lost));
    const changed = on.changes.length;
    await docker.kill('SIGKILL');
    process.kill(lostPid, 'SIGKILL');
    await wait(2000);
    assert.is(on.changes.length, changed);
    await docker.start();
    const tookMs = await on.stands([keptWord], CAUGHT_UP_WITHIN_MS);
    console.log(`daemon killed, live-restore: a death meanwhile is withdrawn ${tookMs.toFixed(0)} ms after its return`);
    assert.equal(
      on.changes.slice(changed).map(({ type }) => type),
      ['delete'],
    );
    // The event of a death may be read before the list, with which the engine is back.
    await until('the return to be said', () => on.log.of('engine-regained').length > 0);
    assert.is(on.log.of('engine-unreachable').length, 1);
    assert.is(on.log.of('engine-regained').length, 1);
    const after = await run(docker, 'after');
    await on.stands([keptWord, await wordOf(docker, after, 'after')]);
  }));

test('without live-restore: what ends with the daemon goes, though its socket goes first, and what it starts again stands with its new port', () =>
  onEngine([], async (docker, on) => {
    const again = await run(docker, 'again', '--restart', 'always');
    const gone = await run(docker, 'gone');
    await on.stands([await wordOf(docker, again, 'again'), await wordOf(docker, gone, 'gone')]);
    await docker.kill('SIGTERM');
    await on.stands([]);
    assert.is(on.log.of('engine-unreachable').length, 1);
    await docker.start();
    const tookMs = await on.stands([await wordOf(docker, again, 'again')], CAUGHT_UP_WITHIN_MS);
    console.log(`daemon stopped and started: what it restarts stands ${tookMs.toFixed(0)} ms after its return`);
  }));

if (haveDocker(SUITE)) test.run();
