import type { LoadedCalls } from '../../resolver/serving/udp/system-calls.ts';
import { type Finding, fine, hint } from './finding.ts';

/** How the resolver would read and send UDP here. */
export function udpFindings(mode: 'auto' | 'off', loaded: LoadedCalls): Finding[] {
  if (loaded.ok) return [fine('udp', 'many datagrams are read and sent in one system call')];
  const says = `datagrams are read and sent one by one: ${loaded.reason}`;
  if (mode === 'off') return [fine('udp', says)];
  return [hint('udp', says, 'the answers are the same, each for 1.7 times the CPU; koffi comes with npm ci')];
}
