import { StoreError, type StoreErrorCode } from '../../store.ts';

/** Status codes of gRPC, as far as etcd uses them. */
export const STATUS = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A call that etcd, or the way to it, refused: gRPC's status and etcd's sentence. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly status: number;
  constructor(status: number, details: string, options?: ErrorOptions) {
    super(details, options);
    this.status = status;
  }
}

/** The user or the password itself was refused: no other call of this member can succeed. */
export class LoginError extends RpcError {}

/** The login that went with a call is no longer good (expired, or made before etcd restarted): a new one may be. */
export function isStaleLogin(error: unknown): boolean {
  return error instanceof RpcError && !(error instanceof LoginError) && STALE_LOGIN.test(error.message);
}

/** A response over the limit of gRPC, on either side or between. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof RpcError && error.status === STATUS.resourceExhausted && TOO_LARGE.test(error.message);
}

const STALE_LOGIN = /invalid auth token|revision of auth store is old|user name is empty/;
const TOO_LARGE = /message larger than max/;

/** etcd's sentences, first match first; where none matches, the status decides. */
const SENTENCES: readonly (readonly [sentence: RegExp, code: StoreErrorCode, advice?: string])[] = [
  [/required revision has been compacted/, 'compacted', 'read anew'],
  [/required revision is a future revision/, 'compacted', 'the store went back in time; read anew'],
  [/requested lease not found/, 'lease-gone', 'grant a new one'],
  [/user name is empty/, 'denied', 'etcd asks for a user; set --etcd-user and --etcd-password-file'],
  [/authentication failed/, 'denied', 'check --etcd-user and --etcd-password-file'],
  [/permission denied/, 'denied', 'a role of the user must allow it'],
  [STALE_LOGIN, 'denied'],
  [TOO_LARGE, 'invalid'],
  [
    /TLS alert: .*(?:certificate|unknown ca)/,
    'unavailable',
    'etcd refuses our certificate; see --etcd-cert and --etcd-key',
  ],
  [
    /unable to (?:verify|get)|self[- ]signed certificate|certificate has expired|does not match certificate/,
    'unavailable',
    "etcd's certificate is not to be trusted; see --etcd-ca, and the name in --etcd",
  ],
  [/database space exceeded/, 'unavailable', 'compact and defragment etcd, then `etcdctl alarm disarm`'],
];

function codeOfStatus(status: number): StoreErrorCode {
  switch (status) {
    case STATUS.permissionDenied:
    case STATUS.unauthenticated:
      return 'denied';
    case STATUS.invalidArgument:
    case STATUS.notFound:
    case STATUS.alreadyExists:
    case STATUS.failedPrecondition:
    case STATUS.outOfRange:
    case STATUS.unimplemented:
      return 'invalid';
    default:
      return 'unavailable';
  }
}

/**
 * The one place where what etcd says becomes a {@link StoreErrorCode}.
 *
 * @param url   the endpoint that was asked
 * @param what  what was asked, for the message: `reading /skydns/`
 */
export function storeErrorOf(error: unknown, url: string, what: string): StoreError {
  if (error instanceof StoreError) return error;
  const details = plainWords(error instanceof Error ? error.message : String(error));
  const match = SENTENCES.find(([sentence]) => sentence.test(details));
  const code = match?.[1] ?? (error instanceof RpcError ? codeOfStatus(error.status) : 'unavailable');
  const advice = match?.[2] === undefined ? '' : `; ${match[2]}`;
  return new StoreError(code, `etcd ${url}: ${what}: ${details}${advice}`, { cause: error });
}

/** Without the parts that only gRPC's makers can use. */
function plainWords(details: string): string {
  return details
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/^Deadline exceeded after ([\d.]+)s.*$/s, (_, seconds) => `no answer in ${Math.round(Number(seconds))} s`)
    .replace(/^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note:.*$/s, 'no connection: $1')
    .replace(
      /\b[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:(?:sslv3 |tlsv1\S* )?(?:alert )?([^:]+):.*$/s,
      'TLS alert: $1',
    );
}
