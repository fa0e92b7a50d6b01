import type { EngineStatus } from '../docker/engine/engine.ts';
import type { ClaimState } from '../keys/host-claim.ts';

/** What readiness hangs on. */
export interface ReadinessView {
  readonly claim: ClaimState;
  /** A sentence; undefined while the store serves us. */
  readonly storeLostReason: string | undefined;
  /** `unix:///var/run/docker.sock`. */
  readonly engine: string;
  /** Undefined before the first attempt has ended. */
  readonly engineStatus: EngineStatus | undefined;
  /** The engine's first list, and every container of it, has been read. */
  readonly wasEngineSynced: boolean;
  readonly servicesFile: string | undefined;
  readonly areServicesRead: boolean;
  /** What the store calls wrong, and refuses. */
  readonly refusal: string | undefined;
  /** Nothing waits to be written. */
  readonly isSettled: boolean;
  readonly wasReady: boolean;
}

/** Why the announcer is not ready, each a sentence; none when it is. */
export function notReadyReasons(view: ReadinessView): string[] {
  const reasons = [...storeReasons(view), ...engineReasons(view)];
  if (!view.areServicesRead) reasons.push(`the services file ${view.servicesFile} has not been read`);
  // Later on, a write that is under way is everyday life.
  if (reasons.length === 0 && !view.wasReady && !view.isSettled) {
    reasons.push('what was found is being written to the store');
  }
  return reasons;
}

function storeReasons({ claim, storeLostReason, refusal }: ReadinessView): string[] {
  if (storeLostReason !== undefined) return [storeLostReason];
  if (claim.state === 'asking') return ['the host is being claimed'];
  if (claim.state === 'waiting') return [`waiting for another announcer of this host to go: ${claim.holder}`];
  return refusal === undefined ? [] : [`the store refuses what is to be written: ${refusal}`];
}

/** With a services file, an engine that is away does not stand in the way of what the file holds. */
function engineReasons({ engine, engineStatus, wasEngineSynced, servicesFile }: ReadinessView): string[] {
  if (engineStatus !== undefined && !engineStatus.up) {
    if (servicesFile !== undefined) return [];
    return [`no Docker engine reachable at ${engine}: ${engineStatus.reason}`];
  }
  return wasEngineSynced ? [] : [`the containers of the Docker engine at ${engine} are being read`];
}
