import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Followed, follow } from '../../support/followed.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/docker-engine');

const IMAGE = 'rollcall-test';
const PING = { pingMs: 500, pingTimeoutMs: 4000 };

let docker: DockerHost;
let followed: Followed;

test.before(async () => {
  docker = await startDocker(['--live-restore']);
  await buildBusybox(docker);
  followed = follow({ host: docker.host, ...PING });
  await until('the first list', () => {
    const status = followed.statuses.at(-1);
    return status?.up === true && status.synced;
  });
});

test.after(async () => {
  followed.close();
  await docker.stop();
});

const isState = (container: string, state: string): Promise<true> =>
  until(`state ${state}`, () => followed.stateOf(container) === state, { timeoutMs: 50_000 });

/** Runs a container and waits until it was inspected for its last event, so that what is said next is of the test's. */
async function run(...args: string[]): Promise<string> {
  const id = await docker.run(args);
  await until('the start', () =>
    followed.observations.some(
      // An inspect for its network says the start's cause and the moment of the run; that of the event itself is later.
      (each) =>
        each.type === 'inspected' &&
        each.facts.id === id &&
        each.cause === 'docker start' &&
        (each.causedAtMs ?? 0) > Date.parse(each.facts.startedAt),
    ),
  );
  return id;
}

/** What was said of a container because of `command`, once its last inspect says `state`. */
async function said(container: string, state: string, ...command: string[]): Promise<string[]> {
  const from = followed.observations.length;
  await docker.cli(...command, container);
  await until(`${command.join(' ')}: ${state}`, () => {
    const last = followed.said(container, from).at(-1);
    return last === (state === 'gone' ? 'vanished' : `inspected ${state}`);
  });
  return followed.said(container, from);
}

test('start: is inspected for the event, with address and ports', async () => {
  const id = await run('-p', '80', IMAGE);
  const seen = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
  assert.is(seen?.type === 'inspected' && seen.facts.networks[0]?.ipv4.startsWith('10.213.'), true);
  assert.is(seen?.type === 'inspected' && (seen.facts.ports[0]?.bindings[0]?.hostPort ?? 0) > 0, true);
  // When it happened, by the engine: not when it was inspected.
  assert.ok(seen?.type === 'inspected' && seen.causedAtMs !== undefined && seen.causedAtMs <= seen.atMs);
});

test('kill HUP: tells the signal, and that the container runs', async () => {
  const id = await run(IMAGE);
  assert.equal(await said(id, 'running', 'kill', '-s', 'HUP'), ['hinted kill 1', 'inspected running']);
});

test('stop: the stop signal is told before the container has ended', async () => {
  const id = await run(IMAGE);
  const words = await said(id, 'exited', 'stop', '-t', '3');
  assert.is(words[0], 'hinted kill 15');
  const [signal, death] = ['kill', 'die'].map((action) =>
    followed.observations.find((each) => each.type === 'hinted' && each.container === id && each.action === action),
  );
  // Of three seconds; a busy machine may hold either up.
  assert.ok((death?.afterMs ?? 0) - (signal?.afterMs ?? 0) > 300);
});

test('restart: ends with the new run', async () => {
  const id = await run(IMAGE);
  const words = await said(id, 'running', 'restart', '-t', '0');
  assert.is(words.includes('hinted kill 15'), true);
  await until('the restart is over', () => {
    const causes = followed.observations.flatMap((each) =>
      each.type === 'inspected' && each.facts.id === id ? [each.cause] : [],
    );
    return causes.at(-1) === 'docker restart' || causes.at(-1) === 'docker start';
  });
  assert.is(followed.stateOf(id), 'running');
});

test('rm -f: is gone', async () => {
  const id = await run(IMAGE);
  const words = await said(id, 'gone', 'rm', '-f');
  assert.is(words[0], 'hinted kill 9');
});

test('pause and unpause', async () => {
  const id = await run(IMAGE);
  assert.equal(await said(id, 'paused', 'pause'), ['hinted pause', 'inspected paused']);
  assert.equal(await said(id, 'running', 'unpause'), ['inspected running']);
});

test('for want of memory: the death says so where the engine told that first, its inspect in any case', async () => {
  const script = 'while [ ! -e /eat ]; do sleep 0.1; done; exec tail /dev/zero';
  const id = await run('-m', '8m', '--memory-swap', '8m', IMAGE, 'sh', '-c', script);
  await docker.cli('exec', id, 'touch', '/eat');
  await isState(id, 'exited');
  const hints = (): string[] =>
    followed.observations.flatMap((each) =>
      each.type === 'hinted' && each.container === id ? [`${each.action} ${each.outOfMemory ?? ''}`.trim()] : [],
    );
  await until('both hints', () => hints().length === 2);
  const isOomFirst = hints()[0] === 'oom';
  assert.equal(hints(), isOomFirst ? ['oom', 'die true'] : ['die', 'oom']);
  const last = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
  assert.is(last?.type === 'inspected' && last.facts.oomKilled, true);
});

test('health: from starting to healthy to unhealthy', async () => {
  // In its start period it is starting until it is well, however long that takes.
  const id = await run(
    ...['--health-cmd', 'test -e /well', '--health-interval', '1s', '--health-retries', '1'],
    ...['--health-start-period', '10m', IMAGE],
  );
  const isHealth = (health: string): Promise<true> =>
    until(health, () =>
      followed.observations.some(
        (each) => each.type === 'inspected' && each.facts.id === id && each.facts.health === health,
      ),
    );
  await isHealth('starting');
  await docker.cli('exec', id, 'touch', '/well');
  await isHealth('healthy');
  await docker.cli('exec', id, 'rm', '/well');
  await isHealth('unhealthy');
  assert.is(followed.said(id).includes('hinted unhealthy'), true);
});

test('networks: connect and disconnect change the addresses', async () => {
  const id = await run(IMAGE);
  const networks = (): string | undefined => {
    const last = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
    return last?.type === 'inspected' ? last.facts.networks.map(({ name }) => name).join() : undefined;
  };
  await docker.cli('network', 'create', 'other');
  await docker.cli('network', 'connect', 'other', id);
  await until('two networks', () => networks() === 'bridge,other');
  await docker.cli('network', 'disconnect', 'bridge', id);
  await until('one network', () => networks() === 'other');
});

test('rename: the new name is inspected', async () => {
  const id = await run('--name', 'before', IMAGE);
  await docker.cli('rename', 'before', 'after');
  await until('the new name', () =>
    followed.observations.some(
      (each) => each.type === 'inspected' && each.facts.id === id && each.facts.name === 'after',
    ),
  );
});

test('a label named signal: the signal is not believed, on a real engine either', async () => {
  const id = await run('-l', 'signal=15', IMAGE);
  assert.equal(await said(id, 'running', 'kill', '-s', 'HUP'), ['inspected running']);
});

test('exec: tells the exit code, and does not pile up commands that do not end', async () => {
  const id = await run(IMAGE);
  const exec = (timeoutMs: number, ...command: string[]) => followed.engine.exec(id, command, timeoutMs);
  assert.equal(await exec(20_000, 'sh', '-c', 'exit 3'), { type: 'exited', exitCode: 3 });
  assert.equal(await exec(300, 'sleep', '5'), { type: 'timed-out' });
  assert.equal(await exec(300, 'true'), { type: 'busy' });
  await until('the end of the first', async () => (await exec(20_000, 'true')).type === 'exited');
  await docker.cli('rm', '-f', id);
  assert.equal(await exec(20_000, 'true'), { type: 'not-running' });
});

test('inspect: confirms one container, and says when there is none', async () => {
  const id = await run(IMAGE);
  assert.is((await followed.engine.inspect(id, 'test')).type, 'inspected');
  assert.is((await followed.engine.inspect('0'.repeat(64), 'test')).type, 'vanished');
});

test('dockerd stopped by a signal: noticed by its silence, and read anew when it goes on', async () => {
  const id = await run(IMAGE);
  process.kill(docker.pid, 'SIGSTOP');
  try {
    await until('the loss', () => followed.statuses.at(-1)?.up === false);
  } finally {
    process.kill(docker.pid, 'SIGCONT');
  }
  await until('the return', () => followed.statuses.at(-1)?.up === true);
  assert.is(followed.stateOf(id), 'running');
});

test('dockerd killed, containers living on: nothing is said meanwhile, and a death of that time is found', async () => {
  const [kept, lost] = [await run(IMAGE), await run(IMAGE)];
  const lostPid = Number(await docker.cli('inspect', '-f', '{{.State.Pid}}', lost));
  await docker.kill('SIGKILL');
  await until('the loss', () => followed.statuses.at(-1)?.up === false);
  const from = followed.observations.length;
  process.kill(lostPid, 'SIGKILL');
  await sleep(500);
  assert.is(followed.observations.length, from);
  await docker.start();
  await isState(lost, 'exited');
  assert.is(followed.stateOf(kept), 'running');
  const losses = followed.lines.filter((line) => line.startsWith('engine-unreachable'));
  assert.ok(losses.length >= 1 && losses.length <= 2, losses.join('\n'));
});

if (haveDocker('integration/docker-engine')) test.run();
