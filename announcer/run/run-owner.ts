import type { EtcdKey } from '../../shared/name.ts';

/** One process that a `rollcall run` announces. */
export interface RunLabels {
  readonly service: string;
  readonly instance: string;
}

/** What a `rollcall run` of this host has in the store, beside the announcer's keys. */
export interface RunKey extends RunLabels {
  readonly key: EtcdKey;
  readonly value: string;
  /** In decimal digits. */
  readonly revision: string;
}

/**
 * What owns the key of a `rollcall run`: never `<host>/…`, which the host's announcer takes for its own and would remove
 * as unclaimed. No host label holds a `+`.
 */
export function owningOf({ host, service, instance }: RunLabels & { readonly host: string }): string {
  return `${host}+run/${service}/${instance}`;
}

/** The process of this host that the owner of a key is; undefined when it is none. */
export function runOf(owner: string, host: string): RunLabels | undefined {
  const [owning, service, instance] = owner.split('/');
  if (owning !== `${host}+run` || service === undefined || instance === undefined) return undefined;
  return { service, instance };
}
