/** Somebody sets the machine's clock while the resolver runs: libfaketime gives it a wall clock that the test sets. */
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { putRecords, startResolverProcess } from '../../support/semantics.ts';
import { askUdp } from '../../support/servers/dns-client.ts';
import { skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/clock-set');

const LIBRARY = [`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`, '/usr/lib']
  .map((directory) => join(directory, 'faketime/libfaketimeMT.so.1'))
  .find((path) => existsSync(path));
const MAX_STALE_SECONDS = 6;
const HOUR = 3_600;

if (LIBRARY === undefined)
  console.log('SKIP integration/clock-set: libfaketime is missing; install the package faketime');
else if (!skipWithoutEtcd('integration/clock-set')) {
  for (const workers of [1, 2]) {
    test(`${workers} workers: an hour forward and back empties nothing, ends no lease, and keeps no stale answer longer`, async () => {
      const offsetFile = join(temporaryDirectory(), 'offset');
      // In one piece: the library reads it at every look at the clock.
      const set = (seconds: number): void => {
        writeFileSync(`${offsetFile}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
        renameSync(`${offsetFile}.new`, offsetFile);
      };
      set(0);
      const etcd = await startEtcd();
      await putRecords(
        etcd,
        'plain.sky.test host=192.0.2.1 ttl=300\nleased.sky.test host=192.0.2.2 lease=100',
        '/skydns',
      );
      const flags = ['--zone', 'sky.test', '--forward', 'none', '--max-stale', String(MAX_STALE_SECONDS)];
      const resolver = await startResolverProcess(etcd.url, [...flags, '--workers', String(workers)], {
        environment: {
          LD_PRELOAD: LIBRARY,
          FAKETIME_TIMESTAMP_FILE: offsetFile,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          DONT_FAKE_MONOTONIC: '1',
        },
      });
      const ask = async (name: string): Promise<{ rcode: string; ttl: number | undefined }> => {
        const { rcode, answers = [] } = (await askUdp(resolver.server, { name })) as never as {
          rcode: string;
          answers?: { ttl: number }[];
        };
        return { rcode, ttl: answers[0]?.ttl };
      };
      try {
        await until('the lease to be known', async () => {
          const { ttl = 0 } = await ask('leased.sky.test');
          return ttl > 5;
        });
        for (const hours of [1, -1, 0]) {
          set(hours * HOUR);
          await wait(300);
          const { ttl = 0 } = await ask('leased.sky.test');
          assert.ok(ttl > 60 && ttl <= 100, `${hours} h: TTL of the leased record is ${ttl}`);
          assert.equal(await ask('plain.sky.test'), { rcode: 'NOERROR', ttl: 300 }, `${hours} h`);
        }
        await etcd.kill();
        const lost = await resolver.logged('store-lost');
        assert.ok(lost);
        const lostMs = performance.now();
        set(HOUR);
        await wait(500);
        assert.equal(await ask('plain.sky.test'), { rcode: 'NOERROR', ttl: 5 }, 'forward: stale, not too stale');
        set(-HOUR);
        await until('SERVFAIL', async () => (await ask('plain.sky.test')).rcode === 'SERVFAIL', {
          timeoutMs: (MAX_STALE_SECONDS + 6) * 1000,
        });
        const heldMs = performance.now() - lostMs;
        assert.ok(heldMs < (MAX_STALE_SECONDS + 6) * 1000, `held for ${heldMs} ms`);
      } finally {
        await resolver.end('SIGTERM');
        await etcd.kill();
      }
    });
  }
}

test.run();
