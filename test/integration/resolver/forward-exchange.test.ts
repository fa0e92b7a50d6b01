import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Cancellation } from '../../../resolver/forwarding/cancellation.ts';
import { ExchangeError, exchangeUdp } from '../../../resolver/forwarding/exchange.ts';
import { queryOf, type ScannedMessage, scanMessage } from '../../../resolver/forwarding/message.ts';
import { parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';

const test = suite('integration/forward-exchange');

const QUERY = queryOf({ name: parseName('www.example.org'), type: RrType.A });
const SCANNED = scanMessage(QUERY) as ScannedMessage;
const NEVER = new Cancellation();
const TIMEOUT_MS = 20_000;

test('a datagram that the kernel refuses is a failure at once, not a wait', async () => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    // Larger than UDP can carry: of what a kernel refuses at the send, this every machine does.
    const refused = { octets: new Uint8Array(70_000), id: 1, scanned: SCANNED };
    const startedMs = performance.now();
    await exchangeUdp({ host: '127.0.0.1', port: server.address().port }, refused, {
      timeoutMs: TIMEOUT_MS,
      cancellation: NEVER,
    }).then(
      () => assert.unreachable('nothing was sent'),
      (error: unknown) => {
        assert.instance(error, ExchangeError);
        assert.is((error as ExchangeError).code, 'unreachable');
        assert.match((error as ExchangeError).message, /EMSGSIZE/);
      },
    );
    assert.ok(performance.now() - startedMs < TIMEOUT_MS / 2);
  } finally {
    server.close();
  }
});

test.run();
