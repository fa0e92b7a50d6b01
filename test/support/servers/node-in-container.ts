/** This machine's Node and the built project in any container: bind mounts, read-only, so that no image need hold them. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Flags of `docker run`. In the container, `/app/rollcall` is the launcher, and `node` is in the path. */
export function nodeMounts(): string[] {
  const project = ['rollcall', 'package.json', 'dist', 'node_modules'].map((name) => [
    realpathSync(`${ROOT}/${name}`),
    `/app/${name}`,
  ]);
  const mounts = [...project, [process.execPath, '/bin/node'], ...libraries().map((path) => [path, path])];
  return mounts.flatMap(([from, to]) => ['-v', `${from}:${to}:ro`]);
}

/** The shared libraries that Node is linked with, and the loader, under the names by which it asks for them. */
function libraries(): string[] {
  const told = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  return told.split('\n').flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}
