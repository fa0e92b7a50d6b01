import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import { StoreError } from '../../../shared/store.ts';
import { skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { storeContract } from '../../support/store-contract.ts';

const test = suite('etcd settings');

test('refuses settings that can never work, before anything is sent', () => {
  const refusal = (settings: Partial<Parameters<typeof openEtcdStore>[0]>): string => {
    try {
      openEtcdStore({ endpoints: ['https://127.0.0.1:2379'], log: silentLog, ...settings });
    } catch (error) {
      assert.instance(error, StoreError);
      assert.is((error as StoreError).code, 'invalid');
      return (error as StoreError).message;
    }
    throw new Error('was not refused');
  };
  assert.match(refusal({ endpoints: [] }), /no endpoint/);
  assert.match(refusal({ endpoints: ['http://127.0.0.1:2379'], tls: { ca: 'x' } }), /not encrypted; write https/);
  assert.match(refusal({ tls: { cert: 'x' } }), /come together/);
  assert.match(refusal({ tls: { cert: 'x', key: 'x' } }), /certificates: .*PEM/);
});

test('names its endpoints, with the port that etcd has by default', async () => {
  const store = openEtcdStore({ endpoints: ['http://192.0.2.1/', 'http://[2001:db8::1]:4001'], log: silentLog });
  assert.is(store.description, 'etcd http://192.0.2.1:2379, http://[2001:db8::1]:4001');
  await store.close();
});

test.run();

if (!skipWithoutEtcd('store contract: etcd')) {
  const contract = storeContract('etcd', async () => {
    const etcd = await startEtcd();
    const store = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
    return {
      store,
      compact: async (revision) => {
        await etcd.ctl('compact', String(revision));
      },
      dispose: async () => {
        await store.close();
        await etcd.kill();
      },
    };
  });
  contract.run();
}
