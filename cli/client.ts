import { formatHostPort, type HostPort } from '../shared/address.ts';
import { readAs, setting } from '../shared/settings.ts';

/** `--http` of the commands that ask a daemon. */
export const clientSettings = {
  http: setting({
    flag: 'http',
    placeholder: 'ADDRESS:PORT',
    help: 'The daemon to ask: an announcer listens on 8054, a resolver and `up` on 8053.',
    defaultText: '127.0.0.1:8053',
    read: (text) => readAs.hostPort(text, 8053),
    absent: (): HostPort => ({ host: '127.0.0.1', port: 8053 }),
  }),
};

/** A daemon did not answer, or answered with an error; the message is for the person who asked. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
}

const TIMEOUT_MS = 10_000;

/** @throws {ClientError} when there is no daemon, or it says no */
export async function askDaemon<T>(
  address: HostPort,
  path: string,
  query: Record<string, string | undefined>,
  { method = 'GET', timeoutMs = TIMEOUT_MS }: { readonly method?: 'GET' | 'POST'; readonly timeoutMs?: number } = {},
): Promise<T> {
  const url = new URL(path, `http://${formatHostPort(address)}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  let response: Response;
  try {
    response = await fetch(url, { method, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    throw new ClientError(
      `no daemon answers on ${formatHostPort(address)} (${reasonOf(error, timeoutMs)}); start one with \`rollcall up\`, or name another with --http`,
      { cause: error },
    );
  }
  const body = (await response.json().catch(() => undefined)) as T & { error?: { message: string } };
  if (response.ok && body !== undefined) return body;
  throw new ClientError(body?.error?.message ?? `${url.href} answered ${response.status}, and no JSON`);
}

function reasonOf(error: unknown, timeoutMs: number): string {
  const { cause, name } = error as { cause?: { code?: string }; name: string };
  return cause?.code ?? (name === 'TimeoutError' ? `no answer within ${Math.ceil(timeoutMs / 1000)} s` : String(error));
}
