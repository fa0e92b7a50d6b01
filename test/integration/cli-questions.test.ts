/** The commands that ask a daemon, as processes, of a resolver in this process. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventsRoute } from '../../shared/events/event-streams.ts';
import { type HttpServer, serveHttp } from '../../shared/http.ts';
import { silentLog } from '../../shared/log.ts';
import { ScriptedStore } from '../support/doubles/scripted-store.ts';
import { type RunningResolver, startResolver } from '../support/servers/resolver.ts';
import { rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { until } from '../support/until.ts';

interface Context {
  store: ScriptedStore;
  running: RunningResolver;
  server: HttpServer;
  ask(...args: string[]): ReturnType<typeof rollcall>;
}

const test: Test<Context> = suite('integration/cli-questions') as Test<Context>;

test.before(async (context) => {
  const store = new ScriptedStore();
  store.put('/skydns/org/example/web/node-1/a', '{"host":"192.0.2.1","port":80}');
  const running = await startResolver(store);
  await until('the zone', () => running.resolver.notReady().length === 0 || undefined);
  const server = await serveHttp(
    { host: '127.0.0.1', port: 0 },
    [...running.resolver.routes, eventsRoute([running.resolver.feed])],
    silentLog,
  );
  const http = `127.0.0.1:${server.address.port}`;
  Object.assign(context, { store, running, server, ask: (...args: string[]) => rollcall([...args, '--http', http]) });
});
test.after(async ({ store, running, server }) => {
  await server.close();
  await running.stop();
  await store.close();
});

/** One after the other: a daemon reads so many histories at once, and refuses the next. */
async function exitsOf(ask: Context['ask'], questions: readonly (readonly string[])[]): Promise<unknown[]> {
  const exits: unknown[] = [];
  for (const args of questions) exits.push([args.join(' '), (await ask(...args)).exit]);
  return exits;
}

test('what is asked wrongly ends with 2 in every command, also when only the daemon can tell', async ({ ask }) => {
  const wrong = [
    ['at', 'yesterday', 'web'],
    ['at', '1s', 'web', 'NOTYPE'],
    ['diff', '1s', '1m'],
    ['diff', 'yesterday', '1m'],
    ['explain', 'web', '--type', 'NOTYPE'],
    ['history', 'web', '--at', 'yesterday'],
    ['history', 'web', '--since', 'yesterday'],
    ['ls', 'a..b'],
    ['ls', '.'],
    ['ls', '..'],
    ['explain', 'my web'],
    ['trace', 'web', '--at', 'yesterday'],
    ['trace', 'web', '--last', '101'],
  ];
  assert.equal(
    await exitsOf(ask, wrong),
    wrong.map((args) => [args.join(' '), 2]),
  );
});

test('a moment from before 1973 is one in every command', async ({ ask }) => {
  const epoch = '1970-01-01T00:00:00Z';
  assert.match((await ask('at', epoch, 'web')).stderr, /the journal does not reach back to 1970/);
  assert.match((await ask('diff', epoch, epoch)).stderr, /the journal does not reach back to 1970/);
  assert.is((await ask('history', 'web', '--since', epoch)).exit, 0);
  assert.not.match((await ask('trace', 'web', '--since', epoch)).stderr, /moment/);
});

test('what is asked rightly, and cannot be answered, ends with 1', async ({ ask }) => {
  const refused = [
    ['at', '1000d', 'web'],
    ['ls', 'no-such-service'],
    ['drain', 'web'],
  ];
  assert.equal(
    await exitsOf(ask, refused),
    refused.map((args) => [args.join(' '), 1]),
  );
});

test('a name of several labels that was read below a zone, and is not there, is said to be', async ({ ask }) => {
  const note = 'other.example.net is in no zone and was read as other.example.net.example.org.';
  assert.match((await ask('at', '0s', 'other.example.net')).stdout, `;; NOTE: ${note}`);
  const others = ['other.example.net.', 'no-such', 'web.example.org', 'no-such.example.org', 'a.node-1.web'];
  for (const name of others) {
    const { stdout } = await ask('at', '0s', name);
    assert.match(stdout, '; <<>> rollcall <<>>');
    assert.not.match(stdout, 'NOTE');
  }
});

test('watch says on standard error that it follows, with --json nothing, and takes no name with a blank', async ({
  server,
}) => {
  const http = ['--http', `127.0.0.1:${server.address.port}`];
  const { exit, stderr } = await rollcall(['watch', 'w b', ...http]);
  assert.is(exit, 2);
  assert.match(stderr, '"w b" has a blank');
  const watching = startRollcall(['watch', 'web', ...http]);
  await until('watch to follow', () => watching.stderr().includes('\n') || undefined);
  assert.is(watching.stderr(), `watch: following web on 127.0.0.1:${server.address.port}\n`);
  assert.is(watching.stdout(), '');
  assert.is(await watching.end('SIGTERM'), 0);
});

test('of what a resolver knows nothing of, it says who would if it is a container', async ({ ask }) => {
  for (const command of ['explain', 'history']) {
    const { stdout } = await ask(command, 'two');
    assert.match(stdout, `if two is a container, ask its announcer: rollcall ${command} two --http 127.0.0.1:8054`);
    assert.not.match((await ask(command, 'web')).stdout, 'if web is a container');
  }
});

test.run();
