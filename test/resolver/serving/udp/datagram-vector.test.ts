import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DatagramVector } from '../../../../resolver/serving/udp/datagram-vector.ts';
import {
  encodeSocketAddress,
  IPV4_NAME_OCTETS,
  IPV6_NAME_OCTETS,
  NAME_WORDS,
} from '../../../../resolver/serving/udp/socket-address.ts';
import fc from '../../../support/properties.ts';

const test = suite('resolver/datagram-vector');

/** An address above 32 bits, as the system gives them. */
const BASE = 0x7f12_3456_7000;
const HEADER = 64;

/** What a system call would find: the structures read by their offsets in the C headers. */
function structures(vector: DatagramVector) {
  const { buffer } = vector.headersFrom(0);
  const view = new DataView(buffer);
  const pointer = (at: number): number => Number(view.getBigUint64(at, true)) - BASE;
  return Array.from({ length: vector.count }, (_none, at) => {
    const header = at * HEADER;
    const iovec = pointer(header + 16);
    return {
      name: pointer(header),
      nameOctets: view.getUint32(header + 8, true),
      iovec,
      iovecs: view.getBigUint64(header + 24, true),
      control: view.getBigUint64(header + 32, true),
      controlOctets: view.getBigUint64(header + 40, true),
      flags: view.getInt32(header + 48, true),
      memory: pointer(iovec),
      octets: Number(view.getBigUint64(iovec + 8, true)),
      end: buffer.byteLength,
    };
  });
}

test('each header points at a name, a structure and a slot of its own, inside the memory', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.constantFrom(IPV4_NAME_OCTETS, IPV6_NAME_OCTETS),
      (count, slotOctets, nameOctets) => {
        const vector = new DatagramVector(count, slotOctets, nameOctets, () => BASE);
        const all = structures(vector);
        const taken = all.flatMap(({ name, iovec, memory }) => [
          [name, name + nameOctets],
          [iovec, iovec + 16],
          [memory, memory + slotOctets],
        ]) as [number, number][];
        taken.push([0, count * HEADER]);
        taken.sort(([a], [b]) => a - b);
        for (const [at, [start, end]] of taken.entries()) {
          assert.ok(end <= (taken[at + 1]?.[0] ?? (all[0]?.end as number)), `${start} to ${end} overlaps`);
        }
        for (const [at, each] of all.entries()) {
          assert.equal([each.nameOctets, each.iovecs, each.octets], [nameOctets, 1n, slotOctets]);
          assert.equal([each.control, each.controlOctets, each.flags], [0n, 0n, 0]);
          assert.is(each.name % 4, 0);
          assert.is(vector.slots[at]?.byteOffset, each.memory);
          assert.is(vector.slots[at]?.length, slotOctets);
          assert.is(vector.names.byteOffset + 4 * at * NAME_WORDS, each.name);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a length from the kernel is believed up to the end of the slot', () => {
  const vector = new DatagramVector(2, 100, IPV4_NAME_OCTETS, () => BASE);
  const view = new DataView(vector.headersFrom(0).buffer);
  const octetsWith = (length: number): number => {
    view.setUint32(HEADER + 56, length, true);
    return vector.octetsAt(1);
  };
  assert.equal([0, 12, 100, 101, 65_535, 0xffff_ffff].map(octetsWith), [0, 12, 100, 100, 100, 100]);
  assert.is(vector.octetsAt(0), 0);
});

test('a datagram to be sent has its length and its name', () => {
  const vector = new DatagramVector(3, 100, IPV6_NAME_OCTETS, () => BASE);
  const name = new Int32Array(2 * NAME_WORDS);
  const octets = encodeSocketAddress('2001:db8::1', 5353, 7);
  new Uint8Array(name.buffer).set(octets, 4 * NAME_WORDS);
  vector.setName(2, name, NAME_WORDS);
  vector.setOctets(2, 60);
  const [first, , third] = structures(vector);
  assert.equal([first?.octets, third?.octets], [100, 60]);
  const memory = new Uint8Array(vector.headersFrom(0).buffer);
  assert.equal(memory.slice(third?.name as number, (third?.name as number) + octets.length), Uint8Array.from(octets));
});

test('the rest of the headers begins at the next one', () => {
  const vector = new DatagramVector(3, 100, IPV4_NAME_OCTETS, () => BASE);
  const rest = vector.headersFrom(2);
  assert.equal([rest.byteOffset, rest.length], [2 * HEADER, HEADER]);
  assert.is(vector.headersFrom(0).length, 3 * HEADER);
});

test.run();
