import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isStaleLogin, isTooLarge, LoginError, RpcError, storeErrorOf } from '../../../shared/store/etcd/errors.ts';
import { StoreError, type StoreErrorCode } from '../../../shared/store.ts';

const test = suite('shared/store/etcd-errors');

const URL = 'http://192.0.2.1:2379';

/** Status and sentence as etcd and gRPC give them, and what they mean. */
const TABLE: readonly (readonly [status: number, details: string, code: StoreErrorCode, message: string])[] = [
  [11, 'etcdserver: mvcc: required revision has been compacted', 'compacted', 'read anew'],
  [11, 'etcdserver: mvcc: required revision is a future revision', 'compacted', 'went back in time'],
  [5, 'etcdserver: requested lease not found', 'lease-gone', 'grant a new one'],
  [7, 'etcdserver: permission denied', 'denied', 'a role of the user must allow it'],
  [
    14,
    'rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    'denied',
    ': etcdserver: permission denied;',
  ],
  [3, 'etcdserver: user name is empty', 'denied', 'set --etcd-user'],
  [3, 'etcdserver: authentication failed, invalid user ID or password', 'denied', 'check --etcd-user'],
  [16, 'etcdserver: invalid auth token', 'denied', 'invalid auth token'],
  [3, 'etcdserver: duplicate key given in txn request', 'invalid', 'duplicate key'],
  [3, 'etcdserver: request is too large', 'invalid', 'too large'],
  [8, 'grpc: received message larger than max (3000067 vs. 2097152)', 'invalid', 'larger than max'],
  [11, 'etcdserver: too large lease TTL', 'invalid', 'too large lease TTL'],
  [8, 'etcdserver: mvcc: database space exceeded', 'unavailable', 'etcdctl alarm disarm'],
  [8, 'etcdserver: too many requests', 'unavailable', 'too many requests'],
  [14, 'etcdserver: no leader', 'unavailable', 'no leader'],
  [14, 'etcdserver: request timed out', 'unavailable', 'timed out'],
  [
    4,
    'Deadline exceeded after 3.001s,metadata filters: 0.001s,remote_addr=192.0.2.1:2379',
    'unavailable',
    'no answer in 3 s',
  ],
  [
    14,
    'No connection established. Last error: Error: connect ECONNREFUSED 192.0.2.1:2379. Resolution note: ',
    'unavailable',
    'no connection: connect ECONNREFUSED 192.0.2.1:2379',
  ],
  [
    14,
    'No connection established. Last error: Error: 80CCABDCB57F0000:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 42\n. Resolution note: ',
    'unavailable',
    'no connection: TLS alert: bad certificate; etcd refuses our certificate; see --etcd-cert and --etcd-key',
  ],
  [
    14,
    'No connection established. Last error: Error: 80CC:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/x.c:1601:SSL alert number 116\n. Resolution note: ',
    'unavailable',
    'no connection: TLS alert: certificate required; etcd refuses our certificate',
  ],
  [
    14,
    'No connection established. Last error: Error: unable to verify the first certificate. Resolution note: ',
    'unavailable',
    "no connection: unable to verify the first certificate; etcd's certificate is not to be trusted; see --etcd-ca",
  ],
  [14, 'Connection dropped', 'unavailable', 'Connection dropped'],
  [2, 'whatever', 'unavailable', 'whatever'],
  [12, 'unknown method', 'invalid', 'unknown method'],
];

for (const [status, details, code, message] of TABLE) {
  test(`${status} ${details.slice(0, 60)}: ${code}`, () => {
    const cause = new RpcError(status, details);
    const error = storeErrorOf(cause, URL, 'reading /skydns/');
    assert.is(error.code, code);
    assert.ok(error.message.startsWith(`etcd ${URL}: reading /skydns/: `), error.message);
    assert.match(error.message, message);
    assert.not.match(error.message, /rpc error|remote_addr|Resolution note|openssl|SSL routines/);
    assert.is(error.cause, cause);
  });
}

test('a StoreError stays as it is', () => {
  const error = new StoreError('compacted', 'read anew');
  assert.is(storeErrorOf(error, URL, 'x'), error);
});

test('a login is stale when etcd no longer knows it, not when it refused user or password', () => {
  assert.ok(isStaleLogin(new RpcError(16, 'etcdserver: invalid auth token')));
  assert.ok(isStaleLogin(new RpcError(3, 'etcdserver: revision of auth store is old')));
  assert.not.ok(isStaleLogin(new RpcError(7, 'etcdserver: permission denied')));
  assert.not.ok(isStaleLogin(new LoginError(3, 'etcdserver: user name is empty')));
});

test('a message over the limit is told from other exhaustion', () => {
  assert.ok(isTooLarge(new RpcError(8, 'Received message larger than max (5000000 vs 4194304)')));
  assert.not.ok(isTooLarge(new RpcError(8, 'etcdserver: too many requests')));
});

test.run();
