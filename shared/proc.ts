/**
 * Edge: `/proc` as it can be read. Processes end while they are looked at, and those of other users may be closed to us:
 * what cannot be read is empty, and the caller sees nothing there.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The whole file; empty when it cannot be read. */
export function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The names in a folder. */
export function listProc(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** What a symbolic link names. */
export function linkOfProc(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
