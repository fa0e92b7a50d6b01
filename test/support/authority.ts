import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary.ts';

/** Files of an authority, and of certificates that it signed. */
export class Authority {
  readonly #directory = temporaryDirectory();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.#openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      this.path(`${name}.key`),
      '-out',
      this.path(`${name}.crt`),
    );
  }

  path(file: string): string {
    return join(this.#directory, file);
  }

  read(file: string): Buffer {
    return readFileSync(this.path(file));
  }

  /** Makes `<commonName>.crt` and `<commonName>.key`. @param subject whose addresses and names it is for, as openssl writes them */
  sign(commonName: string, subject = 'IP:127.0.0.1'): void {
    const extensions = this.path(`${commonName}.ext`);
    writeFileSync(extensions, `subjectAltName=${subject}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    const request = this.path(`${commonName}.csr`);
    this.#openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${commonName}`,
      '-keyout',
      this.path(`${commonName}.key`),
      '-out',
      request,
    );
    this.#openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-days',
      '2',
      '-CA',
      this.path(`${this.#name}.crt`),
      '-CAkey',
      this.path(`${this.#name}.key`),
      '-CAcreateserial',
      '-extfile',
      extensions,
      '-out',
      this.path(`${commonName}.crt`),
    );
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' });
  }
}
