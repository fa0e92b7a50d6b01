import { readFileSync } from 'node:fs';
import type { commonSettings } from '../../shared/common-settings.ts';
import type { ValuesOf } from '../../shared/settings.ts';

export type CommonValues = ValuesOf<typeof commonSettings>;

export interface EtcdAccess {
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
}

/** Reads what the etcd settings name: password and PEM files. Every problem is added to `problems`, as settings report them. */
export function readEtcdAccess(common: CommonValues, problems: string[]): EtcdAccess {
  const { etcdUser, etcdPasswordFile, etcdCa, etcdCert, etcdKey } = common;
  if ((etcdUser === undefined) !== (etcdPasswordFile === undefined)) {
    problems.push('--etcd-user and --etcd-password-file go together: give both or neither');
  }
  if ((etcdCert === undefined) !== (etcdKey === undefined)) {
    problems.push('--etcd-cert and --etcd-key go together: give both or neither');
  }
  const withoutEtcd = common.etcd.length === 0 ? 'no --etcd names an https endpoint' : undefined;
  const plain = common.etcd.filter((endpoint) => !/^https:/i.test(endpoint));
  const notTls = withoutEtcd ?? (plain.length > 0 ? `${plain.join(', ')} is not https` : undefined);
  for (const [flag, file] of [
    ['--etcd-ca', etcdCa],
    ['--etcd-cert', etcdCert],
  ] as const) {
    if (file !== undefined && notTls !== undefined) {
      problems.push(`${flag}=${JSON.stringify(file)}: ${notTls}; write --etcd https://… for TLS`);
    }
  }
  const password = readOptional('--etcd-password-file', etcdPasswordFile, problems)?.toString('utf8').trimEnd();
  const ca = readOptional('--etcd-ca', etcdCa, problems);
  const cert = readOptional('--etcd-cert', etcdCert, problems);
  const key = readOptional('--etcd-key', etcdKey, problems);
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return {
    ...(etcdUser !== undefined && password !== undefined && { user: { name: etcdUser, password } }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

function readOptional(flag: string, path: string | undefined, problems: string[]): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    problems.push(`${flag}=${JSON.stringify(path)}: cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}
