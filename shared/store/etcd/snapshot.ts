import { type Entry, type Snapshot, StoreError } from '../../store.ts';
import { entryOf, keyAfter, rangeOfPrefix } from './convert.ts';
import { isTooLarge } from './errors.ts';
import type { RangeRequest, RangeResponse } from './member.ts';

/** The size of a value is not known before it was read, so the first page is small: its entries tell the next one's size. */
const FIRST_PAGE_ENTRIES = 256;
/** A page is decoded at a stretch, about 20 ms of this size, in which a resolver answers nobody. */
const PAGE_OCTETS = 1 << 20;
/** Below gRPC's default limit of 4 MiB, which what stands between us and etcd may have. */
const PAGE_OCTETS_MAX = 3 << 20;
/** For every page etcd counts all keys behind it, so a large range in small pages would cost it the square of its size. */
const PAGES_WANTED = 96;
/** One page may hold larger values than the one before it. */
const PAGE_GROWTH_MAX = 16;
/** Revision, lease and framing of one entry. */
const ENTRY_OVERHEAD_OCTETS = 40;
/** How often history may be compacted away under a read before we give up. */
const ATTEMPTS = 3;

/**
 * Reads every key of `prefix` at one revision, page by page.
 *
 * @param range  one page; fails with a {@link StoreError}
 */
export async function readSnapshot(
  prefix: string,
  range: (request: RangeRequest) => Promise<RangeResponse>,
): Promise<Snapshot> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readOnce(prefix, range);
    } catch (error) {
      const restart = error instanceof StoreError && error.code === 'compacted';
      if (!restart || attempt === ATTEMPTS) throw error;
    }
  }
}

async function readOnce(prefix: string, range: (request: RangeRequest) => Promise<RangeResponse>): Promise<Snapshot> {
  const { key: start, range_end } = rangeOfPrefix(prefix);
  const entries: Entry[] = [];
  let key = start;
  let limit = FIRST_PAGE_ENTRIES;
  let octetsMax = PAGE_OCTETS_MAX;
  let first: RangeResponse | undefined;
  for (;;) {
    const at = first === undefined ? {} : { revision: first.header.revision };
    let page: RangeResponse;
    try {
      page = await range({ key, range_end, limit, ...at });
    } catch (error) {
      if (!(error instanceof StoreError && isTooLarge(error.cause)) || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
      octetsMax = Math.ceil(octetsMax / 2);
      continue;
    }
    first ??= page;
    if (page.header.cluster_id !== first.header.cluster_id) {
      throw new StoreError('compacted', `reading ${prefix}: another cluster answered in the middle; read anew`);
    }
    for (const kv of page.kvs) entries.push(entryOf(kv));
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) {
      return { revision: BigInt(first.header.revision), entries, storeId: first.header.cluster_id };
    }
    key = keyAfter(last.key);
    limit = Math.min(limit * PAGE_GROWTH_MAX, pageEntries(page, Number(first.count), octetsMax));
  }
}

/** How many entries like those of `page` make a good next one, in a range of `total` keys. */
function pageEntries(page: RangeResponse, total: number, octetsMax: number): number {
  const fitting = (octets: number): number => Math.max(1, Math.floor(octets / meanOctets(page)));
  return Math.min(Math.max(fitting(PAGE_OCTETS), Math.ceil(total / PAGES_WANTED)), fitting(octetsMax));
}

function meanOctets({ kvs }: RangeResponse): number {
  const octets = kvs.reduce((sum, kv) => sum + kv.key.length + kv.value.length + ENTRY_OVERHEAD_OCTETS, 0);
  return octets / kvs.length;
}
