import type { EtcdKey } from './name.ts';

/**
 * The legs of a change, from what happened to the first query that was answered with it. Each is a label of
 * `rollcall_leg_seconds`; `docs/events.md` says between which two moments each of them lies.
 */
export type Leg =
  | 'decided' // it happened → the announcer decided
  | 'stored' // decided → etcd acknowledged
  | 'applied' // decided → it stood in a resolver's zone
  | 'changed' // it happened → a resolver's answers had it
  | 'answered'; // it stood in a resolver's zone → a query was answered with it

/** Upper bounds in seconds. */
export const LEG_BUCKETS: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120];

/** Beyond so many services, the rest is counted together. */
export const LEG_SERVICES_MAX = 100;
export const OTHER_SERVICES = 'other';

/** The label of a service, from a set that stays closed: the first {@link LEG_SERVICES_MAX} by name, the rest as one. */
export class ServiceLabels {
  readonly #known = new Set<string>();

  of(service: string): string {
    if (this.#known.has(service)) return service;
    if (this.#known.size >= LEG_SERVICES_MAX) return OTHER_SERVICES;
    this.#known.add(service);
    return service;
  }
}

/** The service of a key that an announcer wrote: `…/<service>/<host>/<instance>`; empty when it is too short for that. */
export function serviceOfKey(key: EtcdKey): string {
  return key.split('/').at(-3) ?? '';
}

/** Two hosts have two clocks: what came before its cause took no time. */
export function legSeconds(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1000;
}
