import { Packet } from 'dns2';
import { NameError, type OwnerName, parseName } from '../../shared/name.ts';
import { type Rcode, RrClass } from '../../shared/rrset.ts';
import { TTL_MAX } from '../zone/stored-record.ts';

/** One record of an answer section, of class IN. */
export interface DecodedRecord {
  readonly owner: OwnerName;
  readonly type: number;
  readonly ttlSeconds: number;
  /** Of A and AAAA. */
  readonly address?: string;
  /** Of CNAME, NS and PTR. */
  readonly target?: OwnerName;
}

/** A response as it came; `problems` names the records that could not be read and were left out. */
export interface DecodedResponse {
  readonly id: number;
  /** With the upper bits of an OPT (RFC 6891 §6.1.3). */
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly answers: readonly DecodedRecord[];
  readonly problems: readonly string[];
}

/**
 * Reads a whole response, record by record: for the slow path, where some 20 µs do not count. dns2 joins labels with
 * dots, so a label with a dot in it reads as two.
 *
 * @returns undefined when the octets are no response at all
 */
export function decodeResponse(octets: Uint8Array): DecodedResponse | undefined {
  let packet: Packet;
  try {
    packet = Packet.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength));
  } catch (error) {
    if (error instanceof Packet.DecodeError) return undefined;
    throw error;
  }
  const { header } = packet;
  if (header.qr !== 1) return undefined;
  const problems = packet.errors.map(({ message }) => message);
  const answers: DecodedRecord[] = [];
  for (const resource of packet.answers) {
    if (resource.class !== RrClass.IN) continue;
    try {
      answers.push(recordOf(resource));
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      problems.push(error.message);
    }
  }
  return {
    id: header.id,
    rcode: header.rcode as Rcode,
    authoritative: header.aa === 1,
    truncated: header.tc === 1,
    answers,
    problems,
  };
}

function recordOf({ name, type, ttl, address, domain, ns }: Packet['answers'][number]): DecodedRecord {
  const target = domain ?? ns;
  return {
    owner: parseName(name),
    type,
    // RFC 2181 §8: with the top bit set it is 0; dns2 makes the largest of it.
    ttlSeconds: ttl >= TTL_MAX ? 0 : ttl,
    ...(address !== undefined && { address }),
    ...(target !== undefined && { target: parseName(target) }),
  };
}
