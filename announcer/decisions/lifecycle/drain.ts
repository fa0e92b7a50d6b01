import type { Observation } from '../../observation.ts';
import { about, type Conclusions } from '../conclusions.ts';
import { withdraw } from '../readiness/instances.ts';
import { DRAINED, HOST_DRAINED } from '../readiness/readiness.ts';

type DrainAsked = Extract<Observation, { readonly type: 'drain-asked' }>;
type UndrainAsked = Extract<Observation, { readonly type: 'undrain-asked' }>;

const DRAIN = 'drain by command';
const UNDRAIN = 'undrain by command';

/** Takes every name of the containers away, or of the host, and keeps it away. What is drained already concludes nothing. */
export function concludeDrain(conclusions: Conclusions, { of, atMs }: DrainAsked): void {
  if (of === 'host') {
    if (conclusions.state.hostDrainingSinceMs !== null) return;
    conclusions.add({ type: 'HostDraining', atMs, cause: DRAIN });
    for (const [key, { container }] of conclusions.state.instances) {
      withdraw(conclusions, container, key, 'draining', HOST_DRAINED, { cause: DRAIN, atMs, causedAtMs: atMs });
    }
    return;
  }
  for (const id of of) {
    const container = conclusions.container(id);
    if (container === undefined || container.drainingSinceMs !== null) continue;
    conclusions.add({ type: 'ContainerDraining', atMs, ...about(id, container, DRAIN) });
    const moment = { cause: DRAIN, atMs, causedAtMs: atMs };
    for (const key of container.keys) withdraw(conclusions, id, key, 'draining', DRAINED, moment);
  }
}

/** Only ends the drain: what may be announced then, the next look at each container says. */
export function concludeUndrain(conclusions: Conclusions, { of, atMs }: UndrainAsked): void {
  if (of === 'host') {
    if (conclusions.state.hostDrainingSinceMs === null) return;
    conclusions.add({ type: 'HostUndrained', atMs, cause: UNDRAIN });
    return;
  }
  for (const id of of) {
    const container = conclusions.container(id);
    if (container === undefined || container.drainingSinceMs === null) continue;
    conclusions.add({ type: 'ContainerUndrained', atMs, ...about(id, container, UNDRAIN) });
  }
}
