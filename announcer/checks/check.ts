import { type ContainerFacts, networksOf } from '../facts.ts';
import { candidatesOf } from '../naming/candidates.ts';
import { portText } from '../naming/port-spec.ts';
import type { AnnounceRules } from '../rules.ts';
import { type ActiveCheck, isActive } from './check-setting.ts';

export type { ActiveCheck, Check, CheckTiming } from './check-setting.ts';
export { WHOLE_CONTAINER } from './check-setting.ts';

/** An active check to run for a container's run; its `port` comes back in the result. */
export type ProbeWanted = ActiveCheck;

/**
 * The active checks (listening, tcp, http, exec) that an edge must run for this run of the container, each once however
 * many keys hang on it. Empty when it is not running: what is paused or waits in a restart back-off cannot be asked.
 */
export function probesWanted(facts: ContainerFacts, rules: AnnounceRules): readonly ProbeWanted[] {
  if (facts.state !== 'running' || facts.pid === 0) return [];
  const wanted = new Map<string, ProbeWanted>();
  for (const { check } of candidatesOf(facts, rules).candidates) {
    if (isActive(check)) wanted.set(check.port, check);
  }
  return [...wanted.values()];
}

/** At which addresses clients are led to the container. */
export function announcedAddresses(facts: ContainerFacts, rules: AnnounceRules): readonly string[] {
  return [...new Set(candidatesOf(facts, rules).candidates.flatMap(({ record }) => record.host ?? []))];
}

/** By container port, as `8080/tcp`: at which of its own addresses clients are led to it. Ports of which the host's is announced are not among them. */
export function ownAddresses(facts: ContainerFacts, rules: AnnounceRules): ReadonlyMap<string, string> {
  const own = new Set(networksOf(facts).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]));
  return new Map(
    candidatesOf(facts, rules).candidates.flatMap(({ port, protocol, record: { host } }) =>
      host !== undefined && own.has(host) ? [[portText({ containerPort: port, protocol }), host] as const] : [],
    ),
  );
}
