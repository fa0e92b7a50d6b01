/** The parent's pid, from `/proc/<pid>/stat`; undefined when that is cut. */
export function parentOf(stat: string): number | undefined {
  // The command's name may hold spaces and brackets; the fields count from behind its last bracket.
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return Number.isInteger(parent) && stat.includes(')') ? parent : undefined;
}

/** `pid` and every process below it. @param parents of each process, by pid */
export function descendantsOf(pid: number, parents: ReadonlyMap<number, number>): readonly number[] {
  const children = new Map<number, number[]>();
  for (const [child, parent] of parents) children.set(parent, [...(children.get(parent) ?? []), child]);
  const found = new Set([pid]);
  for (const each of found) for (const child of children.get(each) ?? []) found.add(child);
  return [...found];
}
