/** Of what a resolver alone knows nothing of: it may be a container, and containers are known by their announcer. */
export function containerHint(command: string, of: string): string {
  return `if ${of} is a container, ask its announcer: rollcall ${command} ${of} --http 127.0.0.1:8054 (unless it was given another address)`;
}
