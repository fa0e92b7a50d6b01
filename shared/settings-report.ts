import type { SettingsRead, SettingsTable } from './settings.ts';

/**
 * What is wrong with each setting, then what is wrong with them together. Of the latter, what names a setting that is wrong
 * by itself is left out: it would rest on a default that nobody asked for.
 *
 * @param together names each setting that it is about as `--flag`
 */
export function allProblems(read: SettingsRead<SettingsTable>, together: readonly string[]): readonly string[] {
  if (read.ok) return together;
  const isOfWrong = (problem: string): boolean =>
    read.wrong.some((flag) => new RegExp(`--${flag}(?![\\w-])`).test(problem));
  return [...read.problems, ...together.filter((problem) => !isOfWrong(problem))];
}

/** `announcer: configuration has 2 problems`, then one a line: the text a daemon prints before it exits 2. */
export function describeProblems(program: string, problems: readonly string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [`${program}: configuration has ${count}`, ...problems.map((problem) => `  ${problem}`)].join('\n');
}
