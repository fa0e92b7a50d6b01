import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { StartError } from '../../../shared/component.ts';
import type { SinkAccess } from '../access.ts';
import { SinkError } from '../receiver.ts';

/** As `tls.connect` takes it. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const FILES = [
  ['ca', 'certificate authority'],
  ['cert', 'client certificate'],
  ['key', 'key of the client certificate'],
] as const;

/**
 * Looks at the files of a sink while someone is there to read what is wrong with them. No message has what is in them.
 *
 * @throws {StartError}
 */
export function checkAccess({ url, access }: { readonly url: string; readonly access: SinkAccess }): void {
  const fail = (text: string, cause: unknown): never => {
    const reason = (cause as Error).message;
    throw new StartError(`--sink=${JSON.stringify(url)}: ${text}: ${reason}`, { cause });
  };
  const read = (path: string, what: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      return fail(`its ${what} cannot be read`, error);
    }
  };
  if (access.passwordFile !== undefined) read(access.passwordFile, 'password');
  const material = Object.fromEntries(
    FILES.flatMap(([name, what]) => (access[name] === undefined ? [] : [[name, read(access[name], what)]])),
  ) as TlsMaterial;
  try {
    if (material.ca !== undefined) new X509Certificate(material.ca);
  } catch (error) {
    fail(`${access.ca} holds no PEM certificate`, error);
  }
  try {
    createSecureContext(material);
  } catch (error) {
    fail(`${access.cert} and ${access.key} are no PEM certificate and its key`, error);
  }
}

/** Reads the files anew: what was renewed counts from the next connection on. @throws {SinkError} */
export async function readTlsFiles(access: SinkAccess): Promise<TlsMaterial> {
  const read = async ([name, what]: (typeof FILES)[number]): Promise<[string, Buffer][]> => {
    const path = access[name];
    if (path === undefined) return [];
    try {
      return [[name, await readFile(path)]];
    } catch (error) {
      throw new SinkError(`its ${what} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };
  return Object.fromEntries((await Promise.all(FILES.map(read))).flat()) as TlsMaterial;
}

/**
 * Makes a connection with files that were read: what OpenSSL does not take, as a certificate that was renewed and not yet its
 * key, it says at once.
 *
 * @throws {SinkError}
 */
export function connecting<T>(connect: () => T): T {
  try {
    return connect();
  } catch (error) {
    const reason = (error as Error).message;
    throw new SinkError(`its certificate and key cannot be used: ${reason} ${CLIENT_FILES}`, { cause: error });
  }
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const CLIENT_FILES = '(see --sink-cert and --sink-key, or ?cert= and ?key=)';

/** What an error of TLS says, in a sentence with what to do. */
export function tlsReason(error: Error): string {
  const { code = '', message, reason } = error as NodeJS.ErrnoException & { readonly reason?: string };
  if (UNTRUSTED.has(code)) return `its certificate is not trusted: ${message} (name its authority: --sink-ca, or ?ca=)`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another name: ${reason ?? message}`;
  if (code.includes('_ALERT_')) {
    return `it refuses the connection: ${reason ?? message} ${CLIENT_FILES}`;
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return 'it speaks no TLS on this port';
  }
  // What Node says of a connection that ended in the middle of the handshake.
  if (message.includes('before secure TLS connection')) return `it broke the TLS handshake off ${CLIENT_FILES}`;
  return message === '' ? code : message;
}
