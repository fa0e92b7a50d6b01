import { type ContainerFacts, hasProcess } from '../../facts.ts';
import { shownLabels } from '../../naming/labels.ts';
import type { Ended } from '../../observation.ts';
import type { AnnounceRules } from '../../rules.ts';
import { about, type Conclusions } from '../conclusions.ts';
import { isStopping } from '../readiness/readiness.ts';
import type { ContainerState } from '../state.ts';
import { afterDeaths, isSuppressed, penaltyAt } from './damping.ts';
import { SIGKILL } from './stop-signal.ts';

/** What was seen, and when. */
export interface Sight {
  readonly facts: ContainerFacts;
  readonly cause: string;
  readonly atMs: number;
  /** When `cause` happened; absent when nobody knows. */
  readonly causedAtMs?: number;
  /** Of a run that ended before the one that is seen: its exit code, and whether for want of memory, if the engine told it. */
  readonly endedWith?: number;
  readonly outOfMemory?: true;
}

/** Concludes from an inspect what became of the container's runs since the last one. */
export function concludeLife(conclusions: Conclusions, sight: Sight, rules: AnnounceRules): void {
  const { facts } = sight;
  concludeRename(conclusions, sight);
  const known = conclusions.container(facts.id);
  const isSameRun = known?.startedAt === facts.startedAt;
  if (known?.isRunning && !(isSameRun && hasProcess(facts))) concludeEnd(conclusions, sight, known, rules);
  else if (known !== undefined && !known.isRunning && !isSameRun)
    concludeMissedDeaths(conclusions, sight, known, rules);
  if (!hasProcess(facts)) return;
  if (!(known?.isRunning && isSameRun)) concludeStart(conclusions, sight);
  concludeHealth(conclusions, sight);
  concludeReleases(conclusions, sight, rules);
}

/** Commands and answers name containers as the engine does now: the old name may be another one's by then. */
function concludeRename(conclusions: Conclusions, { facts, cause, atMs }: Sight): void {
  const before = conclusions.container(facts.id)?.name;
  if (before === undefined || before === facts.name || facts.name === '') return;
  conclusions.add({ type: 'ContainerRenamed', atMs, ...about(facts.id, facts, cause), before });
}

function concludeStart(conclusions: Conclusions, { facts, cause, atMs }: Sight): void {
  const { startedAt, labels, restartCount, stopSignal, stopTimeoutSeconds } = facts;
  conclusions.add({
    type: 'ContainerStarted',
    atMs,
    ...about(facts.id, facts, cause),
    startedAt,
    labels: shownLabels(labels),
    restartCount,
    stopSignal,
    ...(stopTimeoutSeconds === undefined ? {} : { stopTimeoutSeconds }),
  });
}

function concludeEnd(conclusions: Conclusions, sight: Sight, known: ContainerState, rules: AnnounceRules): void {
  const { facts } = sight;
  const isSeen = known.startedAt === facts.startedAt;
  const restarts = Math.max(0, facts.restartCount - known.restartCount);
  // Only a death that nobody asked for makes the engine restart a container by its policy.
  const isRequested =
    facts.state !== 'restarting' && restarts === 0 && (known.stopping !== null || !isSeen || isEndByStop(facts));
  const deaths = isRequested ? 0 : Math.max(1, restarts);
  stopped(conclusions, sight, known, deaths, isSeen ? facts : toldEnd(sight), rules);
}

/** Whole runs that no inspect saw. The first restart belongs to the death that is already counted. */
function concludeMissedDeaths(
  conclusions: Conclusions,
  sight: Sight,
  known: ContainerState,
  rules: AnnounceRules,
): void {
  const missed = sight.facts.restartCount - known.restartCount - 1;
  if (missed > 0) stopped(conclusions, sight, known, missed, toldEnd({}), rules);
}

/** Exit code of an end that nobody told of. */
const NOT_SEEN = -1;

/** How a run ended. */
export type End = Pick<ContainerFacts, 'exitCode' | 'oomKilled'>;

/** Of a run that no inspect has seen ended, by what the engine told. */
export function toldEnd({ endedWith = NOT_SEEN, outOfMemory }: Ended): End {
  return { exitCode: endedWith, oomKilled: outOfMemory === true };
}

/** The engine's mark stays on a run that lost a worker, and ended well long after. */
export function isOutOfMemory({ exitCode, oomKilled }: End): boolean {
  return oomKilled && exitCode !== 0;
}

function stopped(
  conclusions: Conclusions,
  { facts, cause, atMs }: Sight,
  known: ContainerState,
  deaths: number,
  end: End,
  { damping }: AnnounceRules,
): void {
  const flaps = afterDeaths(known.flaps, deaths, atMs, damping, lastDeathMs(facts, atMs));
  conclusions.add({
    type: 'ContainerStopped',
    atMs,
    ...about(facts.id, facts, cause),
    exitCode: end.exitCode,
    oomKilled: deaths > 0 && isOutOfMemory(end),
    requested: deaths === 0,
    penalty: flaps?.penalty ?? 0,
    suppressed: flaps?.suppressed ?? false,
    restartCount: facts.restartCount,
  });
}

/** Deaths that are learned of from the next run ended before that began. */
function lastDeathMs(facts: ContainerFacts, atMs: number): number {
  const startedAtMs = Date.parse(facts.startedAt);
  return hasProcess(facts) && !Number.isNaN(startedAtMs) ? startedAtMs : atMs;
}

/** Ended by the signal of `docker stop` or `docker kill`, though its `kill` was missed. */
function isEndByStop({ exitCode, stopSignal, oomKilled }: ContainerFacts): boolean {
  return exitCode === 128 + stopSignal || (exitCode === 128 + SIGKILL && !oomKilled);
}

function concludeHealth(conclusions: Conclusions, { facts, cause, atMs }: Sight): void {
  const { health } = facts;
  if (health === 'none' || conclusions.container(facts.id)?.health === health) return;
  conclusions.add({ type: 'ContainerHealthChanged', atMs, ...about(facts.id, facts, cause), health });
}

/** What held the container back by time alone, and does not any more. */
function concludeReleases(conclusions: Conclusions, { facts, cause, atMs }: Sight, { damping }: AnnounceRules): void {
  const known = conclusions.container(facts.id);
  if (known === undefined) return;
  const { stopping, flaps } = known;
  if (stopping !== null && !isStopping(stopping, atMs)) {
    conclusions.add({ type: 'ContainerKeptRunning', atMs, ...about(facts.id, facts, cause) });
  }
  if (flaps?.suppressed && !isSuppressed(flaps, atMs, damping)) {
    const penalty = Math.round(penaltyAt(flaps, atMs, damping));
    conclusions.add({ type: 'ContainerReleased', atMs, ...about(facts.id, facts, cause), penalty });
  }
}
