import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { HostPort } from '../../../shared/address.ts';

const run = promisify(execFile);

export interface DigAnswer {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly status: string;
  readonly flags: readonly string[];
  /** Each line's fields, white space folded: `web.s.prod.example.com. 5 IN A 192.0.2.10`. */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly text: string;
}

/** Whether dig is on this machine. */
export function haveDig(): boolean {
  return existsSync('/usr/bin/dig');
}

/** Asks `server` with the real dig. @param args as dig takes them: name, type, `+tcp`, `-x`, … */
export async function dig(server: HostPort, ...args: string[]): Promise<DigAnswer> {
  const { stdout } = await run('dig', [
    `@${server.host}`,
    '-p',
    String(server.port),
    '+tries=1',
    '+time=20',
    '+nocookie',
    ...args,
  ]);
  return {
    status: /status: ([A-Z]+)/.exec(stdout)?.[1] ?? '',
    flags: /flags: ([a-z ]*);/.exec(stdout)?.[1]?.split(' ') ?? [],
    answer: section(stdout, 'ANSWER'),
    authority: section(stdout, 'AUTHORITY'),
    additional: section(stdout, 'ADDITIONAL'),
    text: stdout,
  };
}

/** The rdata of the answers of one type, sorted: rotation has its own tests. */
export function rdataOf({ answer }: DigAnswer, type: string): string[] {
  return answer
    .map((line) => line.split(' '))
    .filter((fields) => fields[3] === type)
    .map((fields) => fields.slice(4).join(' '))
    .sort();
}

function section(text: string, name: string): string[] {
  const found = new RegExp(`^;; ${name} SECTION:\\n((?:.+\\n)*)`, 'm').exec(text)?.[1] ?? '';
  return found
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => line.replace(/\s+/g, ' '));
}
