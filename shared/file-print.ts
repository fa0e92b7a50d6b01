import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** Differs when the path leads to another file or the file was written. */
export async function printOf(path: string): Promise<string> {
  return textOf(await stat(path, { bigint: true }));
}

export function printOfSync(path: string): string {
  return textOf(statSync(path, { bigint: true }));
}

function textOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
