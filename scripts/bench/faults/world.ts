/** The containers of a host, and how they go on while something is away. */
import { FakeEngine } from '../../../test/support/doubles/fake-engine.ts';
import { buildBusybox, type DockerHost } from '../../../test/support/servers/docker.ts';

export interface World {
  /** For `--docker`. */
  readonly host: string;
  /** One container ends, and one starts, as far as the engine is there for it. */
  change(): Promise<void>;
  /** Ids of what runs. */
  running(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A simulated engine: hundreds of containers cost it nothing. */
export async function simulatedWorld(count: number): Promise<World> {
  const engine = new FakeEngine();
  const next = (): void => {
    const at = engine.containers.size;
    const labels = { 'rollcall.check': 'none', 'rollcall.name': `svc${at % 20}` };
    engine.run({ labels, published: { '80/tcp': 10_000 + at } });
  };
  for (let at = 0; at < count; at += 1) next();
  await engine.start();
  const running = () => [...engine.containers.values()].filter(({ state }) => state === 'running');
  return {
    host: engine.host,
    change: async () => {
      const [oldest] = running();
      if (oldest !== undefined) engine.exit(oldest);
      next();
    },
    running: async () => running().map(({ id }) => id),
    close: () => engine.die(),
  };
}

/** A real engine. Its containers end by their process: the engine that would stop them may be away. */
export async function realWorld(docker: DockerHost, count: number): Promise<World> {
  const image = await buildBusybox(docker);
  const pids: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const labels = ['-l', 'rollcall.check=none', '-l', `rollcall.name=svc${at % 20}`];
    const id = await docker.run(['-p', '80', ...labels, image]);
    pids.push(Number(await docker.cli('inspect', '-f', '{{.State.Pid}}', id)));
  }
  return {
    host: docker.host,
    change: async () => {
      const pid = pids.shift();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    },
    running: async () => {
      const ids = await docker.cli('ps', '-q', '--no-trunc');
      return ids === '' ? [] : ids.split('\n');
    },
    close: () => docker.stop(),
  };
}
