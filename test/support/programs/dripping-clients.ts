/**
 * A program: TCP connections that each send one octet of a query every 100 ms. `node dripping-clients.js HOST PORT COUNT`; tells
 * its parent when all are connected, and of each connection how long it lived, in ms, once it was cut.
 */
import { queryOctets, TcpClient, withLength } from '../servers/dns-client.ts';

const [host = '', port = '', count = ''] = process.argv.slice(2);
/** Long enough not to be whole before the server has lost its patience. */
const query = withLength(queryOctets({ name: `${'drip.'.repeat(30)}example.org` }));

const clients: TcpClient[] = [];
while (clients.length < Number(count)) clients.push(await TcpClient.connect({ host, port: Number(port) }));
const startedMs = performance.now();
process.send?.({ connected: clients.length });
const open = new Set(clients);
let octet = 0;
const timer = setInterval(() => {
  for (const client of open) {
    if (client.isClosed) {
      open.delete(client);
      process.send?.({ livedMs: performance.now() - startedMs });
    } else {
      client.socket.write(query.subarray(octet, octet + 1));
    }
  }
  octet = (octet + 1) % query.length;
}, 100);
process.on('disconnect', () => {
  clearInterval(timer);
  for (const client of open) client.close();
});
