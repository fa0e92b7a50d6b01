import { type DrainAnswer, nameOf } from '../client/drain-wait.ts';

/** What came of an `undrain`: who is drained no longer, who was not, and who is still because the host is. */
export function undrainText({ host, containers, before }: DrainAnswer): string {
  if (host) return before?.host === false ? 'the host was not drained' : 'the host is no longer drained';
  const wasDrained = (id: string): boolean => before === undefined || before.containers.includes(id);
  const namesOf = (which: boolean): string =>
    containers
      .filter(({ container }) => wasDrained(container) === which)
      .map(nameOf)
      .join(', ');
  const [ended, others] = [namesOf(true), namesOf(false)];
  return [
    ...(ended === '' ? [] : [`no longer drained: ${ended}`]),
    ...(others === '' ? [] : [`was not drained: ${others}`]),
    ...(before?.host === true ? ['the host is drained, and all on it: `rollcall undrain --host` ends that'] : []),
  ].join('\n');
}
