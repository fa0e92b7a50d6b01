/** Edge: functions of the C library that Node lacks, by koffi, an optional package. */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

/** The part of koffi that is used here. Described anew, because the package may be absent where this is compiled. */
export interface Koffi {
  load(library: string): { func(prototype: string): (...values: readonly unknown[]) => number };
  address(memory: Uint8Array): bigint;
  errno(): number;
}

export type Made<T> =
  | { readonly ok: true; readonly made: T }
  /** `reason` is a clause: why not. */
  | { readonly ok: false; readonly reason: string };

export const C_LIBRARY = 'libc.so.6';

export interface NativeMachine {
  readonly platform: string;
  readonly arch: string;
  readonly endianness: string;
}

const thisMachine: NativeMachine = { platform: process.platform, arch: process.arch, endianness: endianness() };

/**
 * What `make` makes of koffi: nothing where it is not installed, has no binary, or the machine is another than those whose
 * structures and numbers are known to us.
 */
export function madeByKoffi<T>(
  make: (koffi: Koffi) => T,
  { platform, arch, endianness: order }: NativeMachine = thisMachine,
  require: (name: string) => unknown = createRequire(import.meta.url),
): Made<T> {
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64') || order !== 'LE') {
    return { ok: false, reason: `it is made for Linux on x64 and arm64, and this is ${platform} on ${arch}` };
  }
  try {
    return { ok: true, made: make(require('koffi') as Koffi) };
  } catch (error) {
    const [firstLine] = (error as Error).message.split('\n');
    return { ok: false, reason: `the optional package koffi cannot be used (${firstLine})` };
  }
}
