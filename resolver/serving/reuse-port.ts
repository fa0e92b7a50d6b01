/**
 * The option by which processes share an address: SO_REUSEPORT, with which the kernel gives each client to one of them
 * by a hash of its address and port. Node has it since 22.12 and 23.1; before, `node:cluster` hands all workers one
 * socket, and who has time takes the next datagram.
 */
export function reusePort(shared: boolean, version: string = process.versions.node): { readonly reusePort?: true } {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isThere = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  return shared && isThere ? { reusePort: true } : {};
}
