import { namesContainer } from '../container-id.ts';

/** What a person may name to choose among events of either program: no zone or prefix needs to be known. */

/** An event as it stands in a journal or an answer. */
export type AnyEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/**
 * Whether an event is about `text`: a DNS name or some labels of one in a row (`web`, `node-1.web`), at or below which its
 * key stands; a container by name, or by id from six digits on; a service.
 */
export function isAboutSubject(event: AnyEvent, text: string): boolean {
  const { container, containerName, service, key } = event;
  if (containerName === text || service === text) return true;
  if (typeof container === 'string' && namesContainer(text, container)) return true;
  return typeof key === 'string' && isKeyWithin(key, text);
}

/** Keys hold the labels of a name in reverse: those of `text`, in a row, somewhere in them, or not. */
function isKeyWithin(key: string, text: string): boolean {
  const name = text.toLowerCase().replace(/\.$/, '');
  if (name === '') return false;
  return `${key}/`.includes(`/${name.split('.').reverse().join('/')}/`);
}
