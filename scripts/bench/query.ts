/** Codes of the types that the benchmarks ask for. */
export const RrTypeCode = { A: 1, SRV: 33 } as const;

/** A query for class IN without EDNS, RD set. */
export function query(name: string, type: number): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const header = Buffer.from('123401000001000000000000', 'hex');
  return Buffer.concat([header, ...labels, Buffer.from([0, type >> 8, type & 255, 0, 1])]);
}
