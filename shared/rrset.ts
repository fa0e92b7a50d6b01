import type { OwnerName } from './name.ts';

/** Type codes (IANA, DNS parameters) of what we answer or treat by name; any other type is its number. */
export const RrType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;
export type RrTypeName = keyof typeof RrType;

export const RrClass = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const;

/** RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9. */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
  BADCOOKIE: 23,
} as const;
export type Rcode = (typeof Rcode)[keyof typeof Rcode];

/** Rdata of the types that we write. Strings of TXT and HINFO are binary strings, one character an octet. */
export type Rdata =
  | { readonly type: 'A'; readonly address: string }
  | { readonly type: 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'NS' | 'PTR'; readonly target: OwnerName }
  | { readonly type: 'MX'; readonly preference: number; readonly exchange: OwnerName }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: OwnerName;
    }
  | { readonly type: 'TXT'; readonly strings: readonly string[] }
  | { readonly type: 'HINFO'; readonly cpu: string; readonly os: string }
  | {
      readonly type: 'SOA';
      readonly mname: OwnerName;
      readonly rname: OwnerName;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    };

export type ResourceRecord = { readonly owner: OwnerName; readonly ttlSeconds: number } & Rdata;
