import { CAUSES } from '../../shared/causes.ts';
import { type Store, StoreError, type Transaction } from '../../shared/store.ts';

export interface OptionalCausesSettings {
  readonly store: Store;
  /** Said once when the store begins to deny the causes, and once when it lets them be written again. */
  readonly onChange: (isDenied: boolean, message: string) => void;
  /** Of a clock that nobody sets. */
  readonly nowMs: () => number;
}

/** A role is mended while we run: then the causes come again by themselves. */
const AGAIN_MS = 60_000;

/** The same store; a role that does not let us write causes costs the causes, and no name. */
export function withOptionalCauses({ store, onChange, nowMs }: OptionalCausesSettings): Store {
  let isDenied = false;
  let againAtMs = Number.NEGATIVE_INFINITY;
  const commit = async (transaction: Transaction): ReturnType<Store['commit']> => {
    const bare = withoutCauses(transaction);
    if (bare === undefined) return store.commit(transaction);
    if (isDenied && nowMs() < againAtMs) return store.commit(bare);
    try {
      const result = await store.commit(transaction);
      if (isDenied) onChange(false, 'resolvers learn again why names change');
      isDenied = false;
      return result;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'denied') throw error;
      // Denied without them too, it is not for them.
      const result = await store.commit(bare);
      againAtMs = nowMs() + AGAIN_MS;
      if (!isDenied) onChange(true, deniedText(error));
      isDenied = true;
      return result;
    }
  };
  return {
    description: store.description,
    snapshot: (prefix) => store.snapshot(prefix),
    changes: (prefix, from) => store.changes(prefix, from),
    grant: (ttlSeconds) => store.grant(ttlSeconds),
    keepAlive: (lease) => store.keepAlive(lease),
    timeToLive: (lease) => store.timeToLive(lease),
    revoke: (lease) => store.revoke(lease),
    commit,
    close: () => store.close(),
  };
}

/** Undefined when it has none. */
function withoutCauses(transaction: Transaction): Transaction | undefined {
  const writes = transaction.writes.filter(({ key }) => !key.startsWith(CAUSES));
  return writes.length === transaction.writes.length ? undefined : { ...transaction, writes };
}

function deniedText({ message }: StoreError): string {
  return `names are announced, but resolvers do not learn why they change: ${message}; \`etcdctl role grant-permission ROLE --prefix=true write ${CAUSES}\` mends it`;
}
