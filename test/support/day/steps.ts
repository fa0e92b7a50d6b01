/** What happens on the day, one thing after the other. Each step ends when dig says what it must. */
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { until } from '../until.ts';
import { type Day, get, PATIENCE } from './day.ts';

/** Names asked at every step: `hog` and `loop` come and go. */
export const SERVICES = ['web', 'api', 'hog', 'loop', 'node-1.web'] as const;

/** How long etcd is away. */
export const OUTAGE_MS = 60_000;

/**
 * For the announcer: three or four deaths in a row hold a container down, for 45 to 60 s, less than etcd is away. Its leases
 * are over before etcd is back, and leave a successor time to start on a slow machine.
 */
export const ANNOUNCER_ARGS = [
  ...['--lease-ttl', '45'],
  ...['--record-ttl', '1', '--damping-suppress', '2500', '--damping-half-life', '30', '--damping-max-hold', '60'],
];

const CRASH = `trap 'exit 0' TERM; httpd -p 80 -h /www; while [ ! -e /flags/crash ]; do sleep 0.2; done; sleep 0.5; exit 3`;
const EAT = `httpd -p 80 -h /www; while [ ! -e /flags/eat ]; do sleep 0.1; done; exec dd if=/dev/zero of=/dev/null bs=64M`;
/** It lives, so nothing but its penalty holds it. */
const STEADY_MS = 1500;

export const UNCHANGED = 'the engine restarts with live-restore, and nothing changes';

export interface Step {
  readonly what: string;
  play(day: Day): Promise<void>;
}

export const STEPS: readonly Step[] = [
  {
    what: 'two services start, one with a HEALTHCHECK',
    play: async (day) => {
      day.flag('healthy', true);
      await day.run('web-1', 'web', { args: ['--restart', 'always'] });
      // Twice: a probe that is on its way when its container is killed fails, too.
      await day.run('api-1', 'api', {
        args: ['--health-cmd', 'test -e /flags/healthy', '--health-interval', '500ms', '--health-retries', '2'],
      });
      await day.answers('web', 1);
      await day.answers('api', 1);
      day.lives('web-1', STARTED);
      day.lives('api-1', 'start; (?:held starting; )?healthy; announced; ');
    },
  },
  {
    what: 'one is unhealthy, and healthy again',
    play: async (day) => {
      day.flag('healthy', false);
      await day.answers('api', 0);
      day.flag('healthy', true);
      await day.answers('api', 1);
      day.lives('api-1', 'withdrawn unhealthy; unhealthy; healthy; announced; ');
    },
  },
  {
    what: 'one is scaled to three',
    play: async (day) => {
      await day.run('web-2', 'web', { args: ['--restart', 'always'] });
      await day.run('web-3', 'web');
      await day.answers('web', 3);
      day.lives('web-2', STARTED);
      day.lives('web-3', STARTED);
    },
  },
  {
    what: 'a drain and its end',
    play: async (day) => {
      const { exit, stderr } = await day.announcerCommand('drain', 'web-2');
      assert.is(exit, 0, stderr);
      await day.answers('web', 2);
      assert.is((await day.announcerCommand('undrain', 'web-2')).exit, 0);
      await day.answers('web', 3);
      day.lives('web-2', 'drain; withdrawn draining; undrain; announced; ');
    },
  },
  {
    what: 'docker restart',
    play: async (day) => {
      const sinceMs = Date.now();
      await day.docker.cli('restart', 'web-1');
      await day.recorded('web-1', 'announced', sinceMs);
      await day.answers('web', 3);
      day.lives('web-1', STOPPED, STARTED);
    },
  },
  {
    what: 'the kernel kills one for want of memory',
    play: async (day) => {
      await day.run('hog-1', 'hog', { args: ['-m', '16m', '--memory-swap', '16m'], script: EAT });
      await day.answers('hog', 1);
      day.flag('eat', true);
      await day.answers('hog', 0);
      const { exit_code: exitCode } = await day.recorded('hog-1', 'oom');
      assert.is(exitCode, 137);
      // Which of the two the engine tells first differs; a death of which only its inspect says why was withdrawn by then.
      day.lives('hog-1', STARTED, 'withdrawn (?:died|oom); oom unrequested; ');
    },
  },
  {
    what: 'pause and unpause',
    play: async (day) => {
      await day.docker.cli('pause', 'web-3');
      await day.answers('web', 2);
      await day.docker.cli('unpause', 'web-3');
      await day.answers('web', 3);
      day.lives('web-3', 'withdrawn paused; announced; ');
    },
  },
  {
    what: 'the engine restarts, and takes its containers with it',
    play: async (day) => {
      const { docker } = day;
      await docker.kill('SIGTERM');
      await day.answers('web', 0);
      await docker.start(['--live-restore']);
      await day.answers('web', 2);
      await docker.cli('start', 'web-3', 'api-1');
      await day.answers('web', 3);
      await day.answers('api', 1);
      for (const container of ['web-1', 'web-2', 'web-3']) day.lives(container, STOPPED, STARTED);
      day.lives('api-1', STOPPED, 'start; (?:held starting; )?healthy; announced; ');
    },
  },
  {
    what: UNCHANGED,
    play: async (day) => {
      const { docker, announcer } = day;
      const regained = (): number => announcer.log().filter(({ event }) => event === 'engine-regained').length;
      const before = regained();
      await docker.kill('SIGTERM');
      await day.answers('web', 3);
      await docker.start(['--live-restore']);
      await until('the engine regained', () => regained() > before, PATIENCE);
      await day.answers('web', 3);
    },
  },
  {
    what: 'a crash loop, until it is held down',
    play: async (day) => {
      await day.run('loop-1', 'loop', { args: ['--restart', 'always'], script: CRASH });
      await day.answers('loop', 1);
      day.flag('crash', true);
      await until(
        'loop-1 held down',
        async () => {
          await day.ask('loop', 'SRV');
          return isHeldDown(day, 'loop-1');
        },
        PATIENCE,
      );
      day.flag('crash', false);
      await until(
        'loop-1 alive',
        async () => {
          await day.ask('loop', 'SRV');
          const [running, startedAt] = (
            await day.docker.cli('inspect', '-f', '{{.State.Status}} {{.State.StartedAt}}', 'loop-1')
          ).split(' ');
          return running === 'running' && Date.now() - Date.parse(startedAt ?? '') > STEADY_MS;
        },
        PATIENCE,
      );
      await day.answers('loop', 0);
      const askedAtMs = Date.now();
      const { stdout } = await day.announcerCommand('explain', 'loop-1');
      const seconds = Number(/damped: .*announced again below 1000, in (\d+) s if it lives/.exec(stdout)?.[1]);
      assert.ok(seconds > 0 && seconds <= 60, `explain gives the time to reuse:\n${stdout}`);
      day.reuse = { fromMs: askedAtMs + 1000 * (seconds - 1), toMs: Date.now() + 1000 * seconds };
    },
  },
  {
    what: 'etcd is away for a minute; one stops meanwhile, and the other is no longer held down',
    play: async (day) => {
      const { etcd } = day;
      const began = performance.now();
      const beganAtMs = Date.now();
      await etcd.stop();
      await until('a stale answer', async () => (await day.ask('web', 'SRV')).extendedError === STALE, PATIENCE);
      await day.docker.cli('stop', 'web-2');
      await day.recorded('web-2', 'die', beganAtMs);
      while (performance.now() - began < OUTAGE_MS) {
        const { answer, extendedError } = await day.ask('web', 'SRV');
        assert.equal([answer.length, extendedError], [3, STALE], 'what stood answers on, and says that it is stale');
        await day.ask('loop', 'A');
        await day.ask('nobody', 'A');
        await wait(500);
      }
      day.reusedAtMs = Date.parse((await day.recorded('loop-1', 'announced', day.reuse.fromMs))['@timestamp']);
      await etcd.restart();
      day.outageMs = performance.now() - began;
      await day.answers('web', 2);
      await day.answers('loop', 1);
      day.lives('web-2', STOPPED);
      // As often as it died before it was held down: how long each run stood in DNS is its own affair.
      day.lives('loop-1', '(?:start; |announced; |held not-listening; |withdrawn died; |die unrequested; )+');
      day.lives('loop-1', 'held damped; (?:start; |held damped; |die unrequested; )*announced; ');
    },
  },
  {
    what: 'the announcer is replaced by its successor',
    play: async (day) => {
      assert.is(await day.announcer.end('SIGUSR2'), 0);
      await day.answers('web', 2);
      await day.startAnnouncer();
      await day.announcer.logged('lease-adopted');
      await day.answers('web', 2);
    },
  },
  {
    what: 'the resolver restarts, and one stops meanwhile',
    play: async (day) => {
      assert.is(await day.resolver.end('SIGTERM'), 0);
      assert.is((await day.ask('web', 'A')).status, 'none');
      await day.docker.cli('stop', 'web-3');
      const key = `/skydns/com/example/prod/s/web/node-1/${day.id('web-3').slice(0, 12)}`;
      await until('its key gone', async () => (await day.etcd.ctl('get', key)) === '', PATIENCE);
      assert.is((await day.ask('web', 'A')).status, 'none');
      await day.startResolver();
      await day.answers('web', 1);
      day.lives('web-3', STOPPED);
    },
  },
  {
    what: 'evening: all are removed',
    play: async (day) => {
      const running = ['web-1', 'api-1', 'loop-1'];
      await day.docker.cli('rm', '-f', ...day.ids.keys());
      for (const service of ['web', 'api', 'loop']) await day.answers(service, 0);
      for (const container of day.ids.keys()) await day.recorded(container, 'removed');
      for (const container of running) day.lives(container, STOPPED);
      for (const container of day.ids.keys()) day.lives(container, 'removed; ');
    },
  },
];

/** Its port may be looked at before the server listens; what such a look found is told when it changes. */
const STARTED = 'start; (?:held not-listening; )*announced; ';
const STOPPED = 'stop signal; withdrawn stopping; die requested; ';

/** RFC 8914 §4.4. */
const STALE = 3;

async function isHeldDown(day: Day, container: string): Promise<boolean> {
  const path = `/v1/explain?of=${day.id(container)}`;
  const { containers } = await get<{ containers: { damping: { isHeldDown: boolean } }[] }>(day.announcer.http, path);
  return containers[0]?.damping.isHeldDown === true;
}
