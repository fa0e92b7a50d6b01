import { C_LIBRARY, type Koffi, madeByKoffi, type NativeMachine } from '../../../shared/koffi.ts';

/**
 * What Node's sockets lack: many datagrams in one call. Each method is one call of the C library, and gives what that
 * gives: a result of at least 0, or -1. Pointers inside the memory that is handed over must stay good during the call.
 */
export interface SystemCalls {
  /** Where the octets of `memory` lie. They stay there as long as it is reachable. */
  addressOf(memory: ArrayBuffer): number;
  socket(family: number, type: number): number;
  /** Sets an option that is one int. */
  setOption(fd: number, level: number, option: number, value: number): number;
  bind(fd: number, address: Uint8Array): number;
  close(fd: number): number;
  /** 0 when there is no such interface. */
  interfaceIndex(name: string): number;
  /** Of the call before, asked at once. */
  errno(): number;
  /** `recvmmsg` without waiting. @param headers `struct mmsghdr[]` @returns datagrams received */
  receive(fd: number, headers: Uint8Array, count: number): number;
  /** `sendmmsg` without waiting. @param headers `struct mmsghdr[]` @returns datagrams taken, from the first on */
  send(fd: number, headers: Uint8Array, count: number): number;
}

export type LoadedCalls =
  | { readonly ok: true; readonly calls: SystemCalls }
  /** `reason` is a clause: why not. */
  | { readonly ok: false; readonly reason: string };

const MSG_DONTWAIT = 0x40;
const EBADF = 9;
/** One descriptor that no process has. */
const NO_FD = -1;

let loaded: LoadedCalls | undefined;

/** The calls of this machine, looked for once a process; none with `off`. */
export function systemCalls(mode: 'auto' | 'off'): LoadedCalls {
  if (mode === 'off') return { ok: false, reason: '--udp-batch off' };
  loaded ??= loadSystemCalls();
  return loaded;
}

/** Loads the calls; there are none but where koffi is, and `struct mmsghdr` is known to us (see `datagram-vector.ts`). */
export function loadSystemCalls(machine?: NativeMachine, require?: (name: string) => unknown): LoadedCalls {
  const loading = madeByKoffi(callsOf, machine, require);
  if (!loading.ok) return loading;
  return refusal(loading.made) ?? { ok: true, calls: loading.made };
}

function callsOf(koffi: Koffi): SystemCalls {
  const library = koffi.load(C_LIBRARY);
  const socket = library.func('int socket(int family, int type, int protocol)');
  const setsockopt = library.func('int setsockopt(int fd, int level, int option, void *value, uint32_t octets)');
  const bind = library.func('int bind(int fd, void *address, uint32_t octets)');
  const close = library.func('int close(int fd)');
  const interfaceIndex = library.func('uint32_t if_nametoindex(const char *name)');
  const recvmmsg = library.func('int recvmmsg(int fd, void *headers, uint32_t count, int flags, void *timeout)');
  const sendmmsg = library.func('int sendmmsg(int fd, void *headers, uint32_t count, int flags)');
  return {
    addressOf: (memory) => Number(koffi.address(new Uint8Array(memory))),
    socket: (family, type) => socket(family, type, 0),
    setOption: (fd, level, option, value) =>
      setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4),
    bind: (fd, address) => bind(fd, address, address.length),
    close: (fd) => close(fd),
    interfaceIndex: (name) => interfaceIndex(name),
    errno: () => koffi.errno(),
    receive: (fd, headers, count) => recvmmsg(fd, headers, count, MSG_DONTWAIT, null),
    send: (fd, headers, count) => sendmmsg(fd, headers, count, MSG_DONTWAIT),
  };
}

/** A sandbox may refuse the calls: then they fail otherwise than for want of a descriptor. */
function refusal(calls: SystemCalls): LoadedCalls | undefined {
  const headers = new Uint8Array(64);
  for (const name of ['receive', 'send'] as const) {
    const result = calls[name](NO_FD, headers, 1);
    const errno = calls.errno();
    if (result === -1 && errno === EBADF) continue;
    return { ok: false, reason: `the kernel refuses recvmmsg or sendmmsg here (${name}: errno ${errno})` };
  }
  return undefined;
}
