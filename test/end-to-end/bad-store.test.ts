/** etcd that holds nonsense, is not there, or goes away: what is true still answers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/servers/dig.ts';
import { sendDatagram } from '../support/servers/dns-client.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { startRollcall } from '../support/servers/rollcall.ts';
import { DOMAIN, type ResolverProcess, startResolver } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const SUITE = 'end-to-end: bad store';
const PATH = '/skydns/com/example/prod/s';
const test = suite<{ etcd: Etcd; resolver: ResolverProcess }>(SUITE);

test.before(async (context) => {
  context.etcd = await startEtcd();
  context.resolver = await startResolver(context.etcd.url);
});
test.after(async ({ etcd, resolver }) => {
  await resolver?.end('SIGTERM');
  await etcd?.stop();
});

test('a malformed value costs its key alone: counted, logged once, listed', async ({ etcd, resolver }) => {
  await etcd.ctl('put', `${PATH}/web/a`, '{"host":"192.0.2.1","port":80}');
  await etcd.ctl('put', `${PATH}/web/b`, '{"host":"192.0.2.2","port":');
  await etcd.ctl('put', `${PATH}/web/c`, '{"host":"192.0.2.3","port":"eighty"}');
  await etcd.ctl('put', `${PATH}/web/d`, '{"host":"192.0.2.4","port":80}');
  await until('both good records', async () => rdataOf(await dig(resolver.dns, `web.${DOMAIN}`), 'A').length === 2);
  assert.equal(rdataOf(await dig(resolver.dns, `web.${DOMAIN}`), 'A'), ['192.0.2.1', '192.0.2.4']);
  const metrics = await (await fetch(`http://127.0.0.1:${resolver.http}/metrics`)).text();
  assert.match(metrics, /rollcall_resolver_bad_records 2/);
  for (const key of ['b', 'c']) {
    const lines = resolver
      .stderr()
      .split('\n')
      .filter((line) => line.includes(`${PATH}/web/${key}`));
    assert.is(lines.length, 1, `${key} is said once`);
  }
});

test('a malformed datagram costs itself', async ({ resolver }) => {
  for (const datagram of [
    Buffer.alloc(0),
    Buffer.from('hello'),
    Buffer.alloc(512, 0xff),
    Buffer.from('000100000001000000000000c00c00010001', 'hex'),
  ]) {
    await sendDatagram(resolver.dns, datagram);
  }
  assert.is((await dig(resolver.dns, `web.${DOMAIN}`)).status, 'NOERROR');
});

test('etcd away: the last zone goes on answering, and /ready says what is wrong', async ({ etcd, resolver }) => {
  await etcd.stop();
  await resolver.logged('store-lost');
  assert.equal(rdataOf(await dig(resolver.dns, `web.${DOMAIN}`), 'A'), ['192.0.2.1', '192.0.2.4']);
  await etcd.restart();
  await etcd.ctl('put', `${PATH}/web/e`, '{"host":"192.0.2.5","port":80}');
  await until('the new record', async () => rdataOf(await dig(resolver.dns, `web.${DOMAIN}`), 'A').length === 3);
});

test('etcd never there: SERVFAIL, never NXDOMAIN, with the reason in EDE, in the log and in /ready', async () => {
  const [absent, http, port] = [await freePort(), await freePort(), await freePort()];
  const resolver = startRollcall([
    'resolver',
    ...['--etcd', `http://127.0.0.1:${absent}`, '--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${http}`],
    ...['--data-dir', temporaryDirectory(), '--forward', 'none'],
  ]);
  const answer = await until('an answer', async () => {
    const { status, text } = await dig({ host: '127.0.0.1', port }, `web.${DOMAIN}`);
    return status !== '' && { status, text };
  });
  assert.is(answer.status, 'SERVFAIL');
  assert.match(answer.text, /EDE: 22/);
  const lost = await resolver.logged('store-lost');
  assert.match(String(lost.message), `127.0.0.1:${absent}`);
  const ready = await fetch(`http://127.0.0.1:${http}/ready`);
  assert.is(ready.status, 503);
  assert.match(await ready.text(), /store|etcd/);
  assert.is(await resolver.end('SIGTERM'), 0);
});

if (!skipWithoutEtcd(SUITE)) test.run();
