/**
 * etcd by way of etcd3, whose quirks end in this file: it takes etcd3's transport and generated calls, and leaves its
 * watcher (loses events), its lease (notices too late), its circuit breaker (fails calls that would succeed) and its
 * login (opens a channel that it never closes) alone.
 */
import { Etcd3, type IOptions } from 'etcd3';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import { type Store, StoreError } from '../../store.ts';
import { isStaleLogin, LoginError, RpcError, STATUS } from './errors.ts';
import { KeepAliveStream, type OpenedStream, type RenewalStream } from './keep-alive-stream.ts';
import { Login } from './login.ts';
import type {
  Member,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchCreateRequest,
  WatchListener,
  WatchResponse,
} from './member.ts';
import { EtcdStore } from './store.ts';

export interface EtcdSettings {
  /** At least one; name every member of the cluster. `http://127.0.0.1:2379`; 2379 is the port when there is none. */
  readonly endpoints: readonly string[];
  readonly user?: { readonly name: string; readonly password: string } | undefined;
  /** PEM; for https endpoints only. Without `ca`, the system's authorities. */
  readonly tls?: EtcdTls | undefined;
  readonly log: Log;
  readonly metrics?: Metrics | undefined;
}

export interface EtcdTls {
  readonly ca?: Buffer | string | undefined;
  readonly cert?: Buffer | string | undefined;
  readonly key?: Buffer | string | undefined;
}

/** For one attempt of a call that has one answer. */
export const CALL_TIMEOUT_MS = 3_000;

/**
 * A ping every 6 s on a connection with a call under way, 2 s for its answer: a watch notices a silent peer within 8 s.
 * Below 5 s etcd takes the pings for an attack and hangs up (`--grpc-keepalive-min-time`).
 */
const KEEPALIVE_MS = 6_000;
const KEEPALIVE_TIMEOUT_MS = 2_000;

/** Over what any page or response of etcd holds by design; gRPC's own limit of 4 MiB is not. */
const RECEIVE_OCTETS_MAX = 64 << 20;

const GRPC_OPTIONS: NonNullable<IOptions['grpcOptions']> = {
  'grpc.keepalive_time_ms': KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
  'grpc.max_receive_message_length': RECEIVE_OCTETS_MAX,
  // Otherwise clients with equal options share one connection, and heartbeats would queue behind bulk reads after all.
  'grpc.use_local_subchannel_pool': 1,
  // A proxy of the environment is for the web; and no TXT questions to a DNS server that may be ourselves.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
};

/**
 * Opens the store on etcd. Nothing is sent before the first call, so an etcd that is away is no error here.
 *
 * @throws {StoreError} `invalid` when the settings can never work
 */
export function openEtcdStore(settings: EtcdSettings): Store {
  if (settings.endpoints.length === 0) throw new StoreError('invalid', 'etcd: no endpoint is named');
  const members = settings.endpoints.map((endpoint) => new EtcdMember(endpoint, settings));
  return new EtcdStore(members, settings.log, settings.metrics);
}

type CallOptions = NonNullable<Parameters<Etcd3['kv']['range']>[1]>;
type Interceptor = NonNullable<CallOptions['interceptors']>[number];
type LiveCall = ReturnType<Parameters<Interceptor>[1]>;
type Policy = NonNullable<NonNullable<IOptions['faultHandling']>['global']>;

/** Neither retries nor refuses: which member is asked again, and when, is decided above. */
const plainly = {
  execute: async (run) => run({ signal: new AbortController().signal }),
} as Pick<Policy, 'execute'> as Policy;

class EtcdMember implements Member {
  readonly url: string;
  readonly #options: IOptions;
  readonly #bulk: Etcd3;
  readonly #heartbeats: Etcd3;
  readonly #keepAlives = new KeepAliveStream(() => this.#openKeepAlives(), CALL_TIMEOUT_MS);
  readonly #login: Login;
  readonly #underWay = new Set<LiveCall>();
  /** How to break each watch that stands. */
  readonly #watches = new Set<(error: unknown) => void>();

  constructor(endpoint: string, { user, tls, log }: EtcdSettings) {
    this.url = /:\d+\/?$/.test(endpoint) ? endpoint.replace(/\/$/, '') : `${endpoint.replace(/\/$/, '')}:2379`;
    this.#options = {
      hosts: this.url,
      grpcOptions: GRPC_OPTIONS,
      faultHandling: { global: plainly, host: () => plainly },
      ...credentialsOf(this.url, tls),
    };
    this.#bulk = this.#connection();
    this.#heartbeats = this.#connection();
    this.#login = new Login(user === undefined ? undefined : () => this.#authenticate(user), (reason) =>
      log.warn('etcd-auth-off', `etcd ${this.url}: ${reason}; going on without a user`, {}),
    );
  }

  range(request: RangeRequest): Promise<RangeResponse> {
    return this.#unary((options) => this.#bulk.kv.range(request, options));
  }

  txn({ compare, success, failure }: TxnRequest): Promise<TxnResponse> {
    const request = { compare: [...compare], success: [...success], failure: [...failure] };
    return this.#unary((options) => this.#bulk.kv.txn(request, options));
  }

  leaseGrant(ttlSeconds: number): Promise<{ ID: string; TTL: string }> {
    return this.#unary((options) => this.#bulk.leaseClient.leaseGrant({ TTL: ttlSeconds }, options));
  }

  leaseRevoke(id: string): Promise<unknown> {
    return this.#unary((options) => this.#bulk.leaseClient.leaseRevoke({ ID: id }, options));
  }

  leaseTimeToLive(id: string): Promise<{ TTL: string; grantedTTL: string }> {
    return this.#unary((options) => this.#bulk.leaseClient.leaseTimeToLive({ ID: id }, options));
  }

  leaseKeepAlive(id: string): Promise<{ TTL: string }> {
    return this.#withLogin(() => this.#keepAlives.renew(id));
  }

  watch(request: WatchCreateRequest, listener: WatchListener): () => void {
    const client = this.#connection();
    let cancel = (): void => {};
    let over = false;
    const end = (): void => {
      over = true;
      this.#watches.delete(fail);
      cancel();
      client.close();
    };
    const fail = (error: unknown): void => {
      if (over) return;
      end();
      listener.failure(error);
    };
    const open = async (): Promise<void> => {
      const call = new ObservedCall(await this.#login.token(), this.#underWay, { requireLeader: true });
      if (over) return;
      const stream = await client.watchClient.watch({ interceptors: [call.interceptor] });
      cancel = () => stream.cancel();
      stream
        .on('data', (response) => {
          if (!over) listener.response(response as WatchResponse);
        })
        .on('error', (error) => fail(call.errorOf(error)))
        .on('end', () => fail(new RpcError(STATUS.unavailable, 'etcd ended the stream')));
      if (over) stream.cancel();
      else stream.write({ create_request: request });
    };
    this.#watches.add(fail);
    open().catch(fail);
    return end;
  }

  forgetLogin(): void {
    this.#login.forget();
  }

  close(): void {
    const closed = new RpcError(STATUS.unavailable, 'the store was closed');
    for (const breakOff of this.#watches) breakOff(closed);
    for (const call of this.#underWay) call.cancelWithStatus(closed.status, closed.message);
    this.#bulk.close();
    this.#heartbeats.close();
  }

  #connection(): Etcd3 {
    try {
      return new Etcd3(this.#options);
    } catch (error) {
      throw new StoreError('invalid', `etcd ${this.url}: certificates: ${(error as Error).message}`, { cause: error });
    }
  }

  #unary<T>(run: (options: CallOptions) => Promise<T>): Promise<T> {
    return this.#withLogin((token) => this.#once(token, run));
  }

  async #withLogin<T>(run: (token: string | undefined) => Promise<T>): Promise<T> {
    const token = await this.#login.token();
    try {
      return await run(token);
    } catch (error) {
      if (!this.#login.hasUser || !isStaleLogin(error)) throw error;
      this.#login.forget(token);
      return run(await this.#login.token());
    }
  }

  async #openKeepAlives(): Promise<OpenedStream> {
    const call = new ObservedCall(await this.#login.token(), this.#underWay);
    try {
      const stream = await this.#heartbeats.leaseClient.leaseKeepAlive({ interceptors: [call.interceptor] });
      return { stream: stream as RenewalStream, errorOf: (error) => call.errorOf(error) };
    } catch (error) {
      throw call.errorOf(error);
    }
  }

  async #once<T>(token: string | undefined, run: (options: CallOptions) => Promise<T>): Promise<T> {
    const call = new ObservedCall(token, this.#underWay);
    try {
      return await run({ deadline: Date.now() + CALL_TIMEOUT_MS, interceptors: [call.interceptor] });
    } catch (error) {
      throw call.errorOf(error);
    }
  }

  async #authenticate({ name, password }: { name: string; password: string }): Promise<string> {
    const client = this.#connection();
    try {
      const { token } = await this.#once(undefined, (options) => client.auth.authenticate({ name, password }, options));
      return token;
    } catch (error) {
      const { status, message } = error as RpcError;
      // Away is not refused: only what etcd itself said of the login counts as its word.
      if (status !== STATUS.invalidArgument && status !== STATUS.failedPrecondition) throw error;
      throw new LoginError(status, `user ${JSON.stringify(name)}: ${message}`, { cause: error });
    } finally {
      client.close();
    }
  }
}

/**
 * What etcd3 does not tell of a call: gRPC's status as it came. Also puts the token on it, makes it one that can be
 * cancelled, and keeps etcd3 from repeating it by itself when the token is refused, which it would do for ever.
 */
class ObservedCall {
  readonly interceptor: Interceptor;
  #status: { code: number; details: string } | undefined;

  constructor(token: string | undefined, underWay: Set<LiveCall>, { requireLeader = false } = {}) {
    this.interceptor = (options, nextCall) => {
      if (this.#status !== undefined) throw this.errorOf(undefined);
      const call = nextCall(options);
      const start = call.start.bind(call);
      underWay.add(call);
      call.start = (metadata, listener) => {
        if (token !== undefined) metadata.set('token', token);
        // Otherwise a member that was cut off from the others keeps a watch standing, in silence.
        if (requireLeader) metadata.set('hasleader', 'true');
        start(metadata, {
          ...listener,
          onReceiveStatus: (status) => {
            underWay.delete(call);
            this.#status = { code: status.code, details: status.details };
            listener?.onReceiveStatus?.(status);
          },
        });
      };
      // The declared type is gRPC's own class; all it does with it is what this interface has.
      return call as ReturnType<Interceptor>;
    };
  }

  /** @param error what etcd3 made of it; counts only when there was no status */
  errorOf(error: unknown): RpcError {
    if (error instanceof RpcError) return error;
    if (this.#status !== undefined && this.#status.code !== 0) {
      return new RpcError(this.#status.code, this.#status.details, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new RpcError(STATUS.unavailable, reason, { cause: error });
  }
}

function credentialsOf(url: string, tls: EtcdTls | undefined): Pick<IOptions, 'credentials'> {
  const { ca, cert, key } = tls ?? {};
  if (ca === undefined && cert === undefined && key === undefined) return {};
  if (!/^https:/i.test(url)) {
    throw new StoreError('invalid', `etcd ${url}: certificates are given, but this is not encrypted; write https://`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new StoreError(
      'invalid',
      `etcd ${url}: a client certificate and its key come together (--etcd-cert, --etcd-key)`,
    );
  }
  const pem = (text: Buffer | string | undefined): Buffer | undefined =>
    text === undefined ? undefined : Buffer.from(text);
  // etcd3 declares the authority as required, but hands it to gRPC, where undefined stands for the system's.
  const credentials = { rootCertificate: pem(ca), privateKey: pem(key), certChain: pem(cert) };
  return { credentials: credentials as NonNullable<IOptions['credentials']> };
}
