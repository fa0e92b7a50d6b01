import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DirectoryLock } from '../../shared/journal/writing/lock.ts';
import { type Finding, fine, hint, wrong } from './finding.ts';

const SPACE_WRONG_OCTETS = 16 * 1024 * 1024;
const SPACE_HINT_OCTETS = 256 * 1024 * 1024;
const MEBIBYTE = 1024 * 1024;

/** The data directory: whether it can be written, for how long, and who has its journals open. */
export async function checkData(dataDir: string): Promise<Finding[]> {
  const found = nearestExisting(resolve(dataDir));
  if (!statSync(found).isDirectory()) {
    return [wrong('data', `${found} is no directory`, 'give another one with --data-dir')];
  }
  try {
    accessSync(found, constants.W_OK | constants.X_OK);
  } catch (error) {
    const says = `${found} cannot be written by this user (${(error as NodeJS.ErrnoException).code})`;
    return [wrong('data', says, 'give it to this user, or another one with --data-dir')];
  }
  const says = found === resolve(dataDir) ? `${found} can be written` : `${dataDir} can be made in ${found}`;
  return [fine('data', says), spaceFinding(found), ...(await lockFindings(dataDir))];
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function spaceFinding(path: string): Finding {
  const { bavail, bsize } = statfsSync(path);
  const octets = bavail * bsize;
  const says = `${Math.floor(octets / MEBIBYTE)} MiB are free in ${path}`;
  const advice = 'make room: on a full disk the journal stops, and history with it; names and answers go on';
  if (octets < SPACE_WRONG_OCTETS) return wrong('data', says, advice);
  return octets < SPACE_HINT_OCTETS ? hint('data', says, advice) : fine('data', says);
}

async function lockFindings(dataDir: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const part of ['announcer', 'resolver']) {
    const directory = join(dataDir, part, 'journal');
    const holder = existsSync(directory) ? await DirectoryLock.holder(directory) : undefined;
    if (holder === undefined) continue;
    const says = `the journal in ${directory} is open in ${holder}`;
    findings.push(hint('data', says, `right if that is the ${part} that runs; a second one needs another --data-dir`));
  }
  return findings;
}
