/** Edge: the checks that ask the service itself. */

import { type Engine, EngineError } from '../docker/engine/engine.ts';
import type { Turns } from '../docker/following/turns.ts';
import { type ContainerFacts, networksOf } from '../facts.ts';
import type { ProbeWanted } from './check.ts';
import type { ListeningProbe } from './listening.ts';
import type { Machine } from './machine.ts';
import type { Reply } from './probe-attempt.ts';
import type { Look, Probe } from './probe-run.ts';

type Asking = Extract<ProbeWanted, { readonly kind: 'tcp' | 'http' }>;
type Tried = Extract<Look, { readonly type: 'tried' }>;
type Executing = Extract<ProbeWanted, { readonly kind: 'exec' }>;

export interface AskingTools {
  readonly turns: Turns;
  readonly machine: Machine;
  readonly namespaces: ReturnType<Machine['openNamespaces']>;
  /** Undefined when the engine's processes are not this machine's. */
  readonly listening: ListeningProbe | undefined;
  /** The host's own addresses, for containers in the host's network. */
  readonly hostAddresses: readonly string[];
}

/**
 * A connect or a GET, as cheap as it can be made from inside the container's namespace: nothing is asked before the port
 * is in LISTEN there; then at the container's address where this machine is part of that network, which a bridge makes the
 * same as from inside; and from inside by a helper where there is no such way (network none, macvlan, bound to loopback).
 * At an address of another network, somebody else would answer.
 */
export function askingProbe(check: Asking, facts: ContainerFacts, tools: AskingTools): Probe {
  const route = new Route(check, facts, tools);
  return {
    kind: check.kind,
    wanted: [check],
    look: async (): Promise<Look> => {
      const sight = await tools.listening?.look();
      if (sight?.type === 'gone') return sight;
      const port = sight?.type === 'seen' ? sight.ports.get(check.port) : undefined;
      if (port !== undefined && !port.passing) return tried(check, port);
      const reply = await tools.turns.take(() => route.ask(port?.loopback));
      if (reply.isUnknown) return { type: 'unknown', why: reply.detail };
      // An address may be another container's by now.
      if (sight?.type !== 'seen') return { ...tried(check, reply), isOfAnyRun: true };
      return tools.listening?.isCurrent() ? tried(check, reply) : { type: 'gone' };
    },
  };
}

function tried({ port }: ProbeWanted, { passing, detail }: Pick<Reply, 'passing' | 'detail'>): Tried {
  return { type: 'tried', attempts: new Map([[port, { passing, detail }]]) };
}

const LOOPBACK = ['127.0.0.1', '::1'];

class Route {
  readonly #check: Asking;
  readonly #facts: ContainerFacts;
  readonly #tools: AskingTools;
  /** The container's addresses led nowhere, and from inside something answered. */
  #isInside = false;

  constructor(check: Asking, facts: ContainerFacts, tools: AskingTools) {
    this.#check = check;
    this.#facts = facts;
    this.#tools = tools;
  }

  async ask(loopback: string | undefined): Promise<Reply> {
    const { pid } = this.#facts;
    const addresses = networksOf(this.#facts)
      .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
      .filter((address) => address !== '');
    const inside = loopback === undefined ? [...LOOPBACK, ...addresses] : [loopback];
    const { listening, machine, namespaces, hostAddresses } = this.#tools;
    const own = listening === undefined ? '' : machine.proc.link(`${pid}/ns/net`);
    if (own !== '' && own === machine.proc.link('self/ns/net')) return this.#attempt([...inside, ...hostAddresses]);
    // An engine on another machine leaves no other way.
    const near = listening === undefined ? addresses : addresses.filter((address) => machine.isOnLink(address));
    let direct: Reply | undefined;
    if (loopback === undefined && !this.#isInside && near.length > 0) {
      direct = await this.#attempt(near);
      if (direct.reached || direct.isUnknown) return direct;
    }
    if (listening === undefined)
      return direct ?? { passing: false, reached: false, detail: 'it has no address to ask' };
    const reply = await namespaces.attempt(pid, this.#request(inside), () => listening.isCurrent());
    if (reply.reached) this.#isInside = true;
    return reply.reached || reply.isUnknown || direct === undefined ? reply : direct;
  }

  #attempt(hosts: readonly string[]): Promise<Reply> {
    return this.#tools.machine.attempt(this.#request(hosts));
  }

  #request(hosts: readonly string[]) {
    const { kind, port, timeoutMs } = this.#check;
    const path = this.#check.kind === 'http' ? this.#check.path : '';
    return { kind, hosts, port: Number.parseInt(port, 10), path, timeoutMs };
  }
}

/** By a shell's convention, which the engine follows: the command itself was never asked. */
const WHY_EXITED: Readonly<Record<number, string>> = {
  126: ': it cannot be run in the container',
  127: ': there is no such command in the container',
};

/** A command in the container, by the engine: which runs it in the run that there is by then. */
export function execProbe(check: Executing, facts: ContainerFacts, engine: Engine, turns: Turns): Probe {
  return {
    kind: 'exec',
    wanted: [check],
    look: () => turns.take(() => execute(check, facts, engine)),
  };
}

async function execute(check: Executing, { id }: ContainerFacts, engine: Engine): Promise<Look> {
  try {
    const result = await engine.exec(id, check.command, check.timeoutMs);
    switch (result.type) {
      case 'exited':
        return {
          ...tried(check, {
            passing: result.exitCode === 0,
            detail: `the check's command exited ${result.exitCode}${WHY_EXITED[result.exitCode] ?? ''}`,
          }),
          isOfAnyRun: true,
        };
      case 'timed-out':
        return tried(check, {
          passing: false,
          detail: `the check's command did not end within ${check.timeoutMs / 1000} s`,
        });
      case 'busy':
        return tried(check, { passing: false, detail: "an earlier run of the check's command has not ended" });
      case 'not-running':
        return { type: 'gone' };
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === 'unreachable') return { type: 'unknown' };
    return tried(check, { passing: false, detail: `the check's command cannot be run: ${error.message}` });
  }
}
