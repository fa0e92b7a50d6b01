import { request } from 'node:http';
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
  const { status, text } = await send(url, method, timeoutMs).catch((error: unknown) => {
    throw new ClientError(
      `no daemon answers on ${formatHostPort(address)} (${reasonOf(error, timeoutMs)}); start one with \`rollcall up\`, or name another with --http`,
      { cause: error },
    );
  });
  const body = parseJson(text) as (T & { error?: { message: string } }) | undefined;
  if (status >= 200 && status < 300 && body !== undefined) return body;
  throw new ClientError(body?.error?.message ?? `${url.href} answered ${status}, and no JSON`);
}

/** Not `fetch`, which refuses ports that browsers keep from web pages. */
function send(url: URL, method: string, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const client = request(url, { method, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
    client.once('error', reject);
    client.end();
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown, timeoutMs: number): string {
  const { code, name, message } = error as { code?: string; name: string; message: string };
  return name === 'TimeoutError' || code === 'ABORT_ERR' ? `no answer within ${timeoutMs / 1000} s` : (code ?? message);
}
