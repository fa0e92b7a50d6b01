/** Facts and rules for tests of the announcer's decisions: a container that is announced, changed by what a test is about. */
import { readFileSync } from 'node:fs';
import { DAMPING_DEFAULTS } from '../../announcer/decisions/lifecycle/damping.ts';
import { factsOf } from '../../announcer/docker/inspect.ts';
import type { ContainerFacts, PortFacts } from '../../announcer/facts.ts';
import type { AnnounceRules } from '../../announcer/rules.ts';
import { parseName } from '../../shared/name.ts';

export const ID = '3f2a9c01d4e7'.padEnd(64, '0');
export const OTHER_ID = '5b5b5b5b5b5b'.padEnd(64, '0');

/** A running container of image `web`, 80/tcp published on port 8080 of every address, no label, no HEALTHCHECK. */
export function facts(changes: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id: ID,
    name: 'web-1',
    image: 'registry.example.org:5000/team/web:1.2',
    state: 'running',
    pid: 4711,
    startedAt: '2026-11-20T12:00:00.000000001Z',
    finishedAt: '0001-01-01T00:00:00Z',
    exitCode: 0,
    oomKilled: false,
    restartCount: 0,
    health: 'none',
    stopSignal: 15,
    labels: {},
    serviceEnvironment: {},
    networkMode: 'bridge',
    networks: [{ name: 'bridge', ipv4: '172.17.0.2', ipv6: '' }],
    ports: [published('80/tcp', 8080)],
    ...changes,
  };
}

/** `published('80/tcp', 8080)` on every IPv4 and IPv6 address; `published('80/tcp')` is exposed only. */
export function published(port: string, hostPort?: number, ...hostIps: string[]): PortFacts {
  const [number, protocol] = port.split('/');
  const addresses = hostPort === undefined ? [] : hostIps.length > 0 ? hostIps : ['0.0.0.0', '::'];
  return {
    containerPort: Number(number),
    protocol: protocol as PortFacts['protocol'],
    bindings: addresses.map((hostIp) => ({ hostIp, hostPort: hostPort ?? 0 })),
  };
}

export function rules(changes: Partial<AnnounceRules> = {}): AnnounceRules {
  return {
    host: {
      name: 'node-1',
      privateAddress: { address: '10.0.0.5', given: false },
      publicAddress: { address: '192.0.2.5', given: false },
    },
    domain: parseName('s.prod.example.com'),
    prefix: '/skydns',
    owner: 'node-1/a1b2',
    as: 'private',
    explicit: false,
    recordTtlSeconds: 5,
    damping: DAMPING_DEFAULTS,
    ...changes,
  };
}

/** A recorded inspect, as it came; tests run from the root of the project. */
export function inspectFixture(name: string): unknown {
  return JSON.parse(readFileSync(`test/fixtures/docker/${name}.json`, 'utf8'));
}

export function fixtureFacts(name: string): ContainerFacts {
  return factsOf(inspectFixture(name));
}
