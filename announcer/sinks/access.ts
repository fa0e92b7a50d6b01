/** The files by which one sink is reached. Paths, never what is in them: they may be shown. */
export interface SinkAccess {
  /** PEM certificate authority; those that Node trusts when undefined. */
  readonly ca: string | undefined;
  /** PEM client certificate, and its key. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Of the user in an `elasticsearch` URL. */
  readonly passwordFile: string | undefined;
}

export const NO_ACCESS: SinkAccess = { ca: undefined, cert: undefined, key: undefined, passwordFile: undefined };

export const TLS_PARAMETERS = ['ca', 'cert', 'key'] as const;
/** What a URL of `--sink` may say of it; what it leaves out, the flags say for all sinks. */
export const ACCESS_PARAMETERS = [...TLS_PARAMETERS, 'password-file'] as const;

export function accessOf({ searchParams }: URL): SinkAccess {
  const [ca, cert, key, passwordFile] = ACCESS_PARAMETERS.map((name) => searchParams.get(name) || undefined);
  return { ca, cert, key, passwordFile };
}

/**
 * The URL without its files: what a sink is known by. A certificate that has moved makes no new sink, which would be sent
 * everything from its beginning.
 */
export function withoutAccess(text: string): string {
  const [rest = '', query] = text.split(/\?(.*)/s);
  if (query === undefined) return text;
  const names: readonly string[] = ACCESS_PARAMETERS;
  const kept = query.split('&').filter((part) => !names.includes(part.split('=')[0] as string));
  return kept.length === 0 ? rest : `${rest}?${kept.join('&')}`;
}
