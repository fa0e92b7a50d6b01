import { silentLog } from '../../../shared/log.ts';
import { openEmbeddedStore } from '../../../shared/store/embedded/embedded.ts';
import { storeContract } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const test = storeContract('embedded', async () => {
  const store = await openEmbeddedStore({ directory: temporaryDirectory(), log: silentLog });
  return { store, dispose: () => store.close() };
});

test.run();
