import { join } from 'node:path';
import type { AnnouncerConfig } from '../../announcer/config.ts';
import type { DryRun } from '../../announcer/dry-run.ts';
import { StartError } from '../../shared/component.ts';
import { createLog } from '../../shared/log.ts';
import { EXIT_FAILED, EXIT_OK } from '../command.ts';
import { describeContainer } from '../commands/explain.ts';
import { complain, print } from '../output.ts';

/** `rollcall announcer --dry-run [container]`. @returns the exit code */
export async function printDryRun(
  config: AnnouncerConfig,
  dataDir: string,
  container: string | undefined,
): Promise<number> {
  const { dryRun } = await import('../../announcer/dry-run.ts');
  try {
    const log = createLog('error', 'announcer');
    print(describe(await dryRun({ config, dataDir: join(dataDir, 'announcer'), container, log, nowMs: Date.now() })));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    complain(`announcer: ${error.message}`);
    return EXIT_FAILED;
  }
}

function describe({ host, owner, containers, services, refusals }: DryRun): string {
  const keys = new Set([...containers.flatMap((each) => each.keys), ...services].map(({ key }) => key)).size;
  return [
    ...containers.flatMap((container) => [...describeContainer(container), '']),
    ...services.flatMap(({ name, key, value }) => [`services file: ${name}`, `  ${key}`, `    ${value}`, '']),
    ...refusals.map((refusal) => `services file: refused: ${refusal}`),
    `host ${host}, owner ${owner}: ${keys} keys; nothing was written`,
  ].join('\n');
}
