/** A burst of queries waits here while we are at something else; the system may grant less (`net.core.rmem_max`). */
export const SOCKET_BUFFER_OCTETS = 4 * 1024 * 1024;
/** The largest response over UDP: bounds `ednsUdpOctets`. */
export const RESPONSE_OCTETS_MAX = 4096;
