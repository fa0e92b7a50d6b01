/** Edge: the checks that the services file asks for. */
import { Observable, type Subscription } from 'rxjs';
import { CHECK_TIMING_DEFAULTS } from '../checks/check-setting.ts';
import { attempt } from '../checks/probe-attempt.ts';
import { PACES } from '../checks/probe-verdict.ts';
import { verdictsOf } from '../checks/verdict-loop.ts';
import { Turns } from '../docker/following/turns.ts';
import type { Observation } from '../observation.ts';
import { type ServiceCheck, serviceCheckOf } from './service-check.ts';
import type { StaticService } from './static-services.ts';

/** Requests under way at once. */
const ASKING_MAX = 64;

/** `service-probed` each time a verdict settles or changes, and when an entry is checked no more. */
export function followServiceChecks(
  services$: Observable<readonly StaticService[]>,
  nowMs: () => number,
): Observable<Observation> {
  return new Observable((subscriber) => {
    const turns = new Turns(ASKING_MAX);
    const running = new Map<string, { readonly check: ServiceCheck; readonly subscription: Subscription }>();
    const tell = ({ container, probe }: ServiceCheck, passing: boolean, detail: string): void =>
      subscriber.next({ type: 'service-probed', atMs: nowMs(), container, probe, passing, detail });
    const start = (check: ServiceCheck): Subscription =>
      verdictsOf(() => turns.take(() => ask(check)), PACES[check.kind], CHECK_TIMING_DEFAULTS).subscribe({
        next: ({ passing, detail }) => tell(check, passing, detail),
        error: (error: unknown) => subscriber.error(error),
      });
    const following = services$.subscribe((services) => {
      const wanted = new Map(
        services.flatMap((service) => serviceCheckOf(service) ?? []).map((each) => [idOf(each), each]),
      );
      for (const [id, { check, subscription }] of running) {
        if (wanted.has(id)) continue;
        subscription.unsubscribe();
        running.delete(id);
        // Should the entry come back, its old verdict says nothing; of one that asks with another secret now, it stands.
        if (!isStillProbed(check, wanted.values())) tell(check, false, 'not checked any more');
      }
      for (const [id, check] of wanted) if (!running.has(id)) running.set(id, { check, subscription: start(check) });
    });
    return () => {
      following.unsubscribe();
      for (const { subscription } of running.values()) subscription.unsubscribe();
    };
  });
}

function idOf({ container, probe, path }: ServiceCheck): string {
  return `${container} ${probe} ${path}`;
}

function isStillProbed({ container, probe }: ServiceCheck, wanted: Iterable<ServiceCheck>): boolean {
  for (const each of wanted) if (each.container === container && each.probe === probe) return true;
  return false;
}

function ask({ kind, path, host, port }: ServiceCheck): ReturnType<typeof attempt> {
  return attempt({ kind, path, hosts: [host], port, timeoutMs: CHECK_TIMING_DEFAULTS.timeoutMs });
}
