/**
 * One member of an etcd cluster, as the rest of this store sees it: the calls of etcd's API that it needs, in etcd's own
 * field names. `etcd.ts` makes them with etcd3, so that etcd3 can be replaced without touching more than that file.
 */
export interface Member {
  readonly url: string;
  range(request: RangeRequest): Promise<RangeResponse>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  leaseGrant(ttlSeconds: number): Promise<{ readonly ID: string; readonly TTL: string }>;
  leaseRevoke(id: string): Promise<unknown>;
  leaseTimeToLive(id: string): Promise<{ readonly TTL: string; readonly grantedTTL: string }>;
  /** One renewal, on a connection that carries nothing else. A TTL of 0 means that there is no such lease. */
  leaseKeepAlive(id: string): Promise<{ readonly TTL: string }>;
  /** Opens a watch on a connection of its own. @returns how to end it; after that `listener` hears nothing more */
  watch(request: WatchCreateRequest, listener: WatchListener): () => void;
  /** The next call logs in anew. */
  forgetLogin(): void;
  close(): void;
}

export interface WatchListener {
  response(response: WatchResponse): void;
  /** The stream is over. Called once, and nothing after it. */
  failure(error: unknown): void;
}

/** 64-bit numbers are decimal strings throughout: they do not fit a number. */
export interface ResponseHeader {
  readonly cluster_id: string;
  readonly revision: string;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  /** `0`: on no lease. */
  readonly lease: string;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly limit?: number;
  readonly revision?: string;
  readonly count_only?: boolean;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Of all keys in the range, also those beyond the limit. */
  readonly count: string;
}

export interface Compare {
  readonly target: 'Create' | 'Mod';
  readonly result: 'Equal';
  readonly key: Buffer;
  readonly create_revision?: string;
  readonly mod_revision?: string;
}

export type RequestOp =
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string } }
  | { readonly request_delete_range: { readonly key: Buffer } }
  | { readonly request_range: { readonly key: Buffer } };

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly response_range?: { readonly kvs: readonly KeyValue[] } | null }[];
}

export interface WatchCreateRequest {
  readonly key: Buffer;
  readonly range_end: Buffer;
  readonly start_revision: string;
  readonly progress_notify: boolean;
  readonly fragment: boolean;
}

export interface WatchEvent {
  readonly type: 'Put' | 'Delete';
  readonly kv: KeyValue;
}

export interface WatchResponse {
  readonly header: ResponseHeader;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not `0`: the start is before this revision, the first that is kept. */
  readonly compact_revision: string;
  readonly cancel_reason: string;
  /** The rest of the same response follows in the next one. */
  readonly fragment: boolean;
  readonly events: readonly WatchEvent[];
}
