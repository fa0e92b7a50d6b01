import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../../shared/component.ts';

/** Client certificates for an engine that listens with `--tlsverify`; PEM text. */
export interface DockerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem` of `DOCKER_CERT_PATH` when `DOCKER_TLS_VERIFY` asks for TLS (any text but
 * the empty one, as for the docker command).
 *
 * @throws {StartError} naming the file that cannot be read
 */
export function readDockerTls(environment: Readonly<Record<string, string | undefined>>): DockerTls | undefined {
  if ((environment.DOCKER_TLS_VERIFY ?? '') === '') return undefined;
  const directory = environment.DOCKER_CERT_PATH || join(homedir(), '.docker');
  const read = (file: string): string => {
    try {
      return readFileSync(join(directory, file), 'utf8');
    } catch (error) {
      throw new StartError(
        `DOCKER_TLS_VERIFY is set, and ${join(directory, file)} cannot be read (${(error as NodeJS.ErrnoException).code}); ` +
          'set DOCKER_CERT_PATH to the directory with ca.pem, cert.pem and key.pem',
        { cause: error },
      );
    }
  };
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}
