/**
 * What stands for a container in the engine's paths: a name or an id, whole or its beginning. Undefined when no container can
 * be called `text`. That must then not be asked for: a slash or a question mark in it would make it another call, of which
 * `web/export?` is the container's whole file system.
 *
 * @param text may begin with a slash, as names do in an inspect
 */
export function containerReference(text: string): string | undefined {
  return /^\/?([a-zA-Z0-9][a-zA-Z0-9_.-]*)$/.exec(text)?.[1];
}
