/** Edge: which checks run for which container, from what is observed of it. */
import { Observable, type Subscriber, share } from 'rxjs';
import type { Log } from '../../shared/log.ts';
import { type Engine, EngineError } from '../docker/engine/engine.ts';
import { Turns } from '../docker/following/turns.ts';
import { type ContainerFacts, isInHostNetwork, networksOf, ownerInMode } from '../facts.ts';
import type { Observation } from '../observation.ts';
import type { AnnounceRules } from '../rules.ts';
import { announcedAddresses, ownAddresses, type ProbeWanted, probesWanted } from './check.ts';
import { ContainerProcesses } from './container-processes.ts';
import { ListeningBudget, ListeningProbe, type ListeningSettings } from './listening.ts';
import { type Machine, thisMachine } from './machine.ts';
import { NotMade } from './not-made.ts';
import { askingProbe, execProbe } from './probe-active.ts';
import { listeningProbe, type Probe, ProbeRun } from './probe-run.ts';

export interface ProbesSettings {
  readonly engine: Engine;
  readonly rules: AnnounceRules;
  readonly log: Log;
  /** Default: the one that this runs on. */
  readonly machine?: Machine | undefined;
}

export interface ContainerProbes {
  /** `probed` each time a verdict settles or changes, for as long as someone listens; then every check ends. */
  readonly observations$: Observable<Observation>;
  /** What was observed of the containers, after the conclusions were drawn. Without a listener it does nothing. */
  take(seen: Observation): void;
}

export function containerProbes(settings: ProbesSettings): ContainerProbes {
  let runs: Runs | undefined;
  const observations$ = new Observable<Observation>((subscriber) => {
    const own = new Runs(settings, subscriber);
    runs = own;
    return () => {
      runs = undefined;
      own.close();
    };
  }).pipe(share());
  return { observations$, take: (seen) => runs?.take(seen) };
}

/** Requests and commands under way at once. */
const ASKING_MAX = 64;
const EXECUTING_MAX = 8;
/** A container whose process is gone is looked at again; its events say the same, most likely sooner. */
const GONE_EVERY_MS = 5_000;

interface Entry {
  /** Tells one run, and one set of checks of it, from the next. */
  readonly key: string;
  readonly run: ProbeRun;
}

class Runs {
  readonly #settings: ProbesSettings;
  readonly #output: Subscriber<Observation>;
  readonly #entries = new Map<string, Entry>();
  readonly #budget = new ListeningBudget();
  readonly #machine: Machine;
  readonly #processes: ContainerProcesses;
  readonly #namespaces: ReturnType<Machine['openNamespaces']>;
  readonly #asking = new Turns(ASKING_MAX);
  readonly #executing = new Turns(EXECUTING_MAX);
  /** Processes of an engine behind TCP are another machine's. */
  readonly #isLocal: boolean;
  readonly #hostAddresses: readonly string[];
  readonly #notMade: NotMade;
  #saidUnreadable = false;

  constructor(settings: ProbesSettings, output: Subscriber<Observation>) {
    this.#settings = settings;
    this.#output = output;
    this.#machine = settings.machine ?? thisMachine;
    this.#processes = new ContainerProcesses(this.#machine.proc);
    this.#namespaces = this.#machine.openNamespaces();
    this.#notMade = new NotMade(settings.log);
    this.#isLocal = settings.engine.description.startsWith('unix:');
    const { privateAddress, publicAddress } = settings.rules.host;
    this.#hostAddresses = [privateAddress, publicAddress].flatMap((each) => (each === undefined ? [] : [each.address]));
  }

  take(seen: Observation): void {
    switch (seen.type) {
      case 'inspected':
        this.#inspected(seen.facts);
        return;
      case 'vanished':
        this.#stop(seen.container);
        return;
      case 'listed': {
        const listed = new Set(seen.containers);
        for (const id of this.#entries.keys()) if (!listed.has(id)) this.#stop(id);
        return;
      }
      case 'hinted':
        // Its checks would only report the death that is known; and what is paused has new ones when it goes on.
        if (seen.action === 'die' || seen.action === 'pause') this.#stop(seen.container);
        return;
      default:
        return;
    }
  }

  close(): void {
    for (const id of [...this.#entries.keys()]) this.#stop(id);
    this.#namespaces.close();
  }

  #stop(id: string): void {
    this.#entries.get(id)?.run.stop();
    this.#entries.delete(id);
  }

  #inspected(facts: ContainerFacts): void {
    const wanted = probesWanted(facts, this.#settings.rules);
    const key = JSON.stringify([facts.startedAt, facts.pid, networksOf(facts), wanted]);
    const entry = this.#entries.get(facts.id);
    if (entry?.key === key && wanted.length > 0) {
      entry.run.facts = facts;
      return;
    }
    this.#stop(facts.id);
    if (wanted.length > 0) this.#entries.set(facts.id, { key, run: this.#start(facts, wanted) });
  }

  #start(facts: ContainerFacts, wanted: readonly ProbeWanted[]): ProbeRun {
    const { engine, log } = this.#settings;
    let goneAtMs = Number.NEGATIVE_INFINITY;
    return new ProbeRun(facts, this.#probesOf(facts, wanted), {
      onResults: (newest, results) => {
        this.#output.next({ atMs: Date.now(), type: 'probed', facts: newest, results });
      },
      onGone: () => {
        if (performance.now() - goneAtMs < GONE_EVERY_MS) return;
        goneAtMs = performance.now();
        engine.look(facts.id, 'process gone');
      },
      isRunning: (asked) => isRunning(engine, asked),
      onUnreadable: (reason) => {
        if (this.#saidUnreadable) return;
        this.#saidUnreadable = true;
        log.warn(
          'check-unreadable',
          `what listens in container ${facts.name} cannot be read, so it is announced without that check, and others like it: ${reason}`,
          { container: facts.id },
        );
      },
      onUnknown: (kind, why) => this.#notMade.say(facts, kind, why, performance.now()),
    });
  }

  #probesOf(facts: ContainerFacts, wanted: readonly ProbeWanted[]): Probe[] {
    const { engine } = this.#settings;
    const listening = wanted.filter(({ kind }) => kind === 'listening');
    const probes: Probe[] = listening.length === 0 ? [] : [this.#listening(facts, listening)];
    for (const check of wanted) {
      if (check.kind === 'tcp' || check.kind === 'http') {
        const tools = {
          turns: this.#asking,
          machine: this.#machine,
          namespaces: this.#namespaces,
          listening: this.#isLocal ? this.#reader(facts, [check.port], 'any') : undefined,
          hostAddresses: this.#hostAddresses,
        };
        probes.push(askingProbe(check, facts, tools));
      }
      if (check.kind === 'exec') probes.push(execProbe(check, facts, engine, this.#executing));
    }
    return probes;
  }

  #listening(facts: ContainerFacts, wanted: readonly ProbeWanted[]): Probe {
    if (this.#isLocal) {
      const ports = wanted.map(({ port }) => port);
      return listeningProbe(wanted, this.#reader(facts, ports, []));
    }
    const reason = 'the engine is on another machine';
    return { kind: 'listening', wanted, look: async () => ({ type: 'unreadable', reason, isCertain: true }) };
  }

  #reader(facts: ContainerFacts, ports: readonly string[], loopback: readonly string[] | 'any'): ListeningProbe {
    const { proc } = this.#machine;
    const sharing = this.#sharingOf(facts);
    const settings = {
      proc,
      loopback,
      ...(sharing === undefined ? {} : { sharing }),
      ...(isInHostNetwork(facts) ? {} : { own: ownAddresses(facts, this.#settings.rules) }),
    };
    return new ListeningProbe(facts, ports, settings, this.#budget);
  }

  #sharingOf(facts: ContainerFacts): ListeningSettings['sharing'] {
    const processes = this.#processes;
    if (!isInHostNetwork(facts)) return ownerInMode(facts.networkMode) === undefined ? undefined : { processes };
    const isOwn = (address: string): boolean => this.#machine.isOwn(address);
    return { processes, host: { announced: announcedAddresses(facts, this.#settings.rules), isOwn } };
  }
}

async function isRunning(engine: Engine, { id, startedAt, pid }: ContainerFacts): Promise<boolean> {
  try {
    const sight = await engine.inspect(id, 'process gone');
    return sight.type === 'inspected' && sight.facts.startedAt === startedAt && sight.facts.pid === pid;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return false; // asked again with the next look
  }
}
