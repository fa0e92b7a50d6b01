/** Edge: which processes of the machine run in which container. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProcFiles } from './machine.ts';
import { isShortage } from './shortage.ts';

/** Read in one go; a machine may run thousands, and one costs 10 to 30 µs. */
const PROCESSES_AT_ONCE = 100;

interface Table {
  readonly beganAtMs: number;
  readonly pids: ReadonlyMap<string, readonly string[]>;
}

/**
 * The processes of each container, by what their cgroups name: what `docker exec` starts is no descendant of the container's
 * first process. All of the machine's are read at once, for everyone who asks.
 */
export class ContainerProcesses {
  readonly #proc: ProcFiles;
  #table: Table = { beganAtMs: Number.NEGATIVE_INFINITY, pids: new Map() };
  #reading: Promise<Table> | undefined;

  constructor(proc: ProcFiles) {
    this.#proc = proc;
  }

  /**
   * Empty where cgroups name no container. A pid may be another process's by now: see {@link isIn}.
   *
   * @param sinceMs of `performance.now()`: what was read before that is read anew
   * @throws for want of descriptors or memory
   */
  async of(container: string, sinceMs: number): Promise<readonly string[]> {
    while (this.#table.beganAtMs < sinceMs) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      this.#table = await this.#reading;
    }
    return this.#table.pids.get(container) ?? [];
  }

  /** Whether a process is in that container now. @throws as {@link of} */
  isIn(container: string, pid: string): boolean {
    return this.#containersOf(pid).includes(container);
  }

  async #read(): Promise<Table> {
    const beganAtMs = performance.now();
    const pids = new Map<string, string[]>();
    const all = this.#proc.list('').filter((name) => /^\d+$/.test(name));
    for (const [at, pid] of all.entries()) {
      if (at % PROCESSES_AT_ONCE === PROCESSES_AT_ONCE - 1) await nextTurn();
      for (const container of this.#containersOf(pid)) pids.set(container, [...(pids.get(container) ?? []), pid]);
    }
    return { beganAtMs, pids };
  }

  /** More than one when an engine runs in a container. */
  #containersOf(pid: string): readonly string[] {
    return [...new Set(this.#cgroupOf(pid).match(/[0-9a-f]{64}/g))];
  }

  #cgroupOf(pid: string): string {
    try {
      return this.#proc.read(`${pid}/cgroup`);
    } catch (error) {
      if (isShortage(error)) throw error;
      return ''; // ended meanwhile
    }
  }
}
