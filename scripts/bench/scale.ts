/** Many records, wide names, and how soon a change is answered: what does not depend on a flood of queries. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type EtcdServer, putOf, putRecords, startEtcd, startResolver } from './ours.ts';
import { query, RrTypeCode } from './query.ts';
import { type BenchRecord, benchRecords, cpuMs, residentMiB, type Server, ZONE } from './servers.ts';

/** A figure against its budget. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: number;
}

const WIDE = 'wide';
const WIDE_INSTANCES = 2000;
const EACH = 10;
const SIZES = [
  { records: 100_000, seconds: 3, mib: 350 },
  { records: 1_000_000, seconds: 40, mib: 2048 },
] as const;
/** After the start, so that what the start alone needed is given back. */
const SETTLE_MS = 3000;
const CHANGES = 400;

/** @param largest most records to load: a million take a minute to put */
export async function benchScale(directory: string, largest: number): Promise<Finding[]> {
  const etcd = await startEtcd(directory, 15_479);
  const wide = benchRecords(1, WIDE_INSTANCES).map((record, at) => ({
    ...record,
    service: WIDE,
    instance: `i${String(at).padStart(4, '0')}`,
  }));
  const findings: Finding[] = [];
  let there = 0;
  try {
    await putRecords(etcd.store, wide);
    there = wide.length;
    for (const { records, seconds, mib } of SIZES.filter((size) => size.records <= largest)) {
      const from = there - wide.length;
      await putRecords(etcd.store, benchRecords((records - wide.length) / EACH, EACH).slice(from));
      there = records;
      const name = `${records.toLocaleString('en')} records`;
      const started = performance.now();
      const server = await startResolver(`scale ${records}`, directory, 15_401, 15_481, etcd.url);
      const loadSeconds = (performance.now() - started) / 1000;
      const loadCpuSeconds = cpuMs(server.pid) / 1000;
      await wait(SETTLE_MS);
      findings.push({ name: `${name}: process start to ready`, value: loadSeconds, unit: 's', budget: seconds });
      findings.push({ name: `${name}: CPU until then`, value: loadCpuSeconds, unit: 's' });
      findings.push({ name: `${name}: resident`, value: residentMiB(server.pid), unit: 'MiB', budget: mib });
      if (records === SIZES[0].records) findings.push(...(await wideName(server)));
      await server.stop();
    }
  } finally {
    await etcd.stop();
  }
  return findings;
}

/** How long after a write to etcd began the answer has it, while nothing else happens. */
export async function benchVisible(directory: string): Promise<Finding[]> {
  const etcd = await startEtcd(directory, 15_579);
  const records = benchRecords(100, 1);
  try {
    await putRecords(etcd.store, records);
    const server = await startResolver('visible', directory, 15_501, 15_581, etcd.url);
    const times = await changeTimes(etcd, server, records);
    await server.stop();
    const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return [
      { name: `a change is answered, p50 of ${times.length}`, value: at(0.5), unit: 'ms', budget: 5 },
      { name: `a change is answered, p99 of ${times.length}`, value: at(0.99), unit: 'ms', budget: 25 },
    ];
  } finally {
    await etcd.stop();
  }
}

/** @returns milliseconds, ascending */
async function changeTimes(etcd: EtcdServer, server: Server, records: readonly BenchRecord[]): Promise<number[]> {
  const socket = createSocket('udp4');
  socket.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const record = records[change % records.length] as BenchRecord;
    const address = Buffer.from([10, 200, change >> 8, change & 255]);
    const ask = query(`${record.service}.${ZONE}`, RrTypeCode.A);
    const began = performance.now();
    const written = etcd.store.commit({ expect: [], writes: [putOf({ ...record, address: address.join('.') })] });
    for (let seen = false; !seen; ) {
      socket.send(ask);
      const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
      seen = answer.includes(address);
    }
    times.push(performance.now() - began);
    await written;
    await wait(5);
  }
  socket.close();
  return times.sort((a, b) => a - b);
}

/** 2,000 instances: TC over UDP, as many records as a message holds over TCP. */
async function wideName(server: Server): Promise<Finding[]> {
  const name = `${WIDE}.${ZONE}`;
  const socket = createSocket('udp4');
  socket.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.send(query(name, RrTypeCode.A));
  const [overUdp] = (await once(socket, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
  socket.close();
  const findings: Finding[] = [
    { name: `${WIDE_INSTANCES} instances over UDP: TC`, value: (overUdp.readUInt8(2) >> 1) & 1, unit: '' },
  ];
  for (const type of ['A', 'SRV'] as const) {
    const answer = await overTcp(server.port, query(name, RrTypeCode[type]));
    findings.push({
      name: `${WIDE_INSTANCES} instances over TCP: ${type} records`,
      value: answer.readUInt16BE(6),
      unit: '',
    });
  }
  return findings;
}

async function overTcp(port: number, message: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  let read = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    read = Buffer.concat([read, chunk]);
    if (read.length >= 2 && read.length >= 2 + read.readUInt16BE(0)) break;
  }
  socket.destroy();
  return read.subarray(2);
}
