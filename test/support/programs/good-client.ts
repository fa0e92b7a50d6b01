/**
 * A program: one client that asks a good question over UDP and then over TCP, again and again, every 5 ms.
 * `node good-client.js HOST PORT NAME`; answers each message of its parent with how long the questions took since the last
 * one, in ms.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { askTcp, askUdp } from '../servers/dns-client.ts';

const [host = '', port = '', name = ''] = process.argv.slice(2);
const server = { host, port: Number(port) };
let tookMs: number[] = [];
let isOver = false;
process.on('message', () => {
  process.send?.(tookMs);
  tookMs = [];
});
process.on('disconnect', () => {
  isOver = true;
});
for (let at = 0; !isOver; at += 1) {
  const ask = at % 2 === 0 ? askUdp : askTcp;
  const startedMs = performance.now();
  await ask(server, { name });
  tookMs.push(performance.now() - startedMs);
  await wait(5);
}
