import { formatHostPort, type HostPort } from '../../shared/address.ts';
import type { TracePart } from '../../shared/trace/event.ts';
import type { AskPart } from '../../shared/trace/gather.ts';
import { formatNeed } from '../../shared/trace/read.ts';
import { askDaemon, ClientError } from './client.ts';

/** Of a daemon: its own part, and both of `up`. */
export interface TraceAnswer {
  readonly announcer?: TracePart;
  readonly resolver?: TracePart;
}

/**
 * The part of one program, asked of a daemon. Of one that does not answer, or is another program, only the reason: the other
 * part tells what it can.
 *
 * @param asked the query, without keys
 */
export function partOf(
  program: 'announcer' | 'resolver',
  address: HostPort,
  asked: Readonly<Record<string, string | undefined>>,
): AskPart {
  return async (needs) => {
    try {
      const query = { ...asked, key: needs.map(formatNeed) };
      const part = (await askDaemon<TraceAnswer>(address, '/v1/trace', query))[program];
      return part ?? { silent: `the daemon on ${formatHostPort(address)} is no ${program}` };
    } catch (error) {
      if (error instanceof ClientError) return { silent: error.brief };
      throw error;
    }
  };
}
