/** Texts that people wrote, as messages, events and records may show them. */

/** Stands where a secret would. */
const HIDDEN = '***';

/** `http://bob:***@192.0.2.1/?token=***`: without passwords and the values of a query, whatever they are. */
export function withoutSecrets(text: string): string {
  return withoutQueryValues(withoutPassword(text));
}

/** What stands where a password would, in a URL or before a host alone. */
export function withoutPassword(text: string): string {
  const before = text.includes('//') ? /^([^/]*\/\/[^:@/]*):.*@/s : /^([^:@/]*):.*@/s;
  return text.replace(before, `$1:${HIDDEN}@`);
}

/** Of `/health?token=…`; a query without names is a value. */
export function withoutQueryValues(text: string): string {
  const [head, ...query] = text.split('?');
  if (query.length === 0) return text;
  const parts = query.join('?').split('&');
  return `${head}?${parts.map((part) => (part.includes('=') ? `${part.split('=')[0]}=${HIDDEN}` : HIDDEN)).join('&')}`;
}
