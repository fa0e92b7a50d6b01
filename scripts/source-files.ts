import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every `.ts` file below `folders`, as paths from the working directory, sorted. */
export function sourceFiles(folders: readonly string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.ts'))
    .sort();
}
