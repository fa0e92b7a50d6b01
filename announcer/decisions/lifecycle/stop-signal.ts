/** Linux on every architecture that container images are built for, mips aside. */
const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
};

export const SIGKILL = 9;
export const SIGTERM = 15;

/**
 * The number of a signal as `STOPSIGNAL` may name it: `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3`, or a number (Podman 3).
 * What cannot be read is the engine's default: it would not have started the container otherwise.
 */
export function signalNumber(value: unknown): number {
  if (typeof value === 'number') return isSignal(value) ? value : SIGTERM;
  if (typeof value !== 'string') return SIGTERM;
  const match = /^(?:SIG)?([A-Z]+\d?|\d+)(?:([+-])(\d+))?$/.exec(value.trim().toUpperCase());
  const name = match?.[1] ?? '';
  const base = /^\d+$/.test(name) ? Number(name) : SIGNALS[name];
  if (base === undefined) return SIGTERM;
  const offset = Number(match?.[3] ?? 0) * (match?.[2] === '-' ? -1 : 1);
  return isSignal(base + offset) ? base + offset : SIGTERM;
}

function isSignal(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 64;
}
