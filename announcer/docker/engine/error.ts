import { EngineError } from './engine.ts';

const DENIED: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the engine closed the connection',
  EPIPE: 'the engine closed the connection',
  ENOTSOCK: 'that path is no socket',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the host does not answer',
};

/** What dockerode or the socket said, as one of ours. @param call that was made, as `GET /containers/json` */
export function engineErrorOf(error: unknown, call: string): EngineError {
  if (error instanceof EngineError) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  const status = statusOf(error);
  if (status === 401 || status === 403) {
    return new EngineError('denied', `the engine or its proxy refused a call (${call}): ${message.trim()}`, {
      cause: error,
    });
  }
  if (status !== undefined) return new EngineError('failed', message.trim(), { cause: error });
  if (code !== undefined && DENIED.has(code)) {
    const help = 'not permitted; run as root or as a member of the group docker';
    return new EngineError('denied', help, { cause: error });
  }
  if (
    code !== undefined &&
    UNREACHABLE[code] === undefined &&
    /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|.*CERT|.*SIGNATURE)/.test(code)
  ) {
    return new EngineError('denied', `TLS failed (${code}): ${message}`, { cause: error });
  }
  return new EngineError('unreachable', (code === undefined ? undefined : UNREACHABLE[code]) ?? message, {
    cause: error,
  });
}

/** The address leads nowhere, or to something else: as when no engine runs, or --docker names another's. */
const MISPLACED: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTFOUND']);

/** What a person can do about it; undefined where the message says so. */
export function adviceOf({ code, cause }: EngineError): string | undefined {
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (MISPLACED.has(errno)) return 'start Docker, or name its socket with --docker (DOCKER_HOST)';
  return code === 'denied' ? undefined : 'see whether the engine runs; --docker (DOCKER_HOST) names its socket';
}

/** The HTTP status of dockerode's error, or of the one that it became. */
export function statusOf(error: unknown): number | undefined {
  const origin = error instanceof EngineError ? error.cause : error;
  const status = (origin as { statusCode?: unknown } | null | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** A proxy may refuse a call that we can do without; a connection that broke is another matter. */
export function unlessRefused(error: unknown): undefined {
  if (statusOf(error) === undefined) throw error;
  return undefined;
}
