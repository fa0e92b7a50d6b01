import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import { readSettings, switchSetting } from '../../shared/settings.ts';
import { describeEvent, type EventJson } from '../../shared/text/event-text.ts';
import {
  askDaemon,
  ClientError,
  clientSettings,
  openResponse,
  parseJson,
  refusalOf,
  silenceOf,
  TIMEOUT_MS,
  textOf,
} from '../client/client.ts';
import { ServerSentEvents } from '../client/server-sent-events.ts';
import { type Command, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, onReaderGone, print } from '../output.ts';

const settings = {
  ...clientSettings,
  json: switchSetting({ flag: 'json', help: 'Print each event as JSON, for programs.' }),
};

export const watchCommand: Command = {
  name: 'watch',
  summary: 'Follow events as they happen, of a name or all; goes on after a break with what was missed',
  description:
    'Follows events as they happen, of a name or all, and goes on after a break with what was missed. Once it follows, it says so on standard error (not with --json).',
  arguments: [
    {
      name: 'name',
      help: 'a DNS name or some labels of it, a service, or a container by name or id',
      required: false,
      isName: true,
    },
  ],
  settings,
  examples: ['rollcall watch', 'rollcall watch web', 'rollcall watch one --http 127.0.0.1:8054'],
  run: async ({ arguments: [name], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('watch', read.problems);
    const { http, json } = read.values;
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    onReaderGone(() => stop.abort());
    try {
      await watch(http, name, stop.signal, {
        // Programs, which take --json, know by the connection.
        onFollowing: () => {
          if (!json) complain(`watch: following ${name ?? 'all events'} on ${formatHostPort(http)}`);
        },
        onEvent: (event) => print(json ? JSON.stringify(event) : describe(event)),
      });
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`watch: ${error.message}`);
      return error.exitCode;
    }
  },
};

/** The daemon says at least this often that it is there: three times its keepalive. */
const SILENCE_MS = 45_000;
const RETRY_MS = 1000;

const UNAVAILABLE = 503;

/** It answers, and cannot tell of events yet. */
class StartingError extends Error {}

/**
 * Follows until `stop`. A daemon that starts is waited for; one that goes away is, too, once it has been there.
 *
 * @throws {ClientError} when there is none to begin with, or it refuses
 */
async function watch(
  address: HostPort,
  name: string | undefined,
  stop: AbortSignal,
  { onFollowing, onEvent }: { readonly onFollowing: () => void; readonly onEvent: (event: EventJson) => void },
): Promise<void> {
  let lastId: string | undefined;
  let wasThere = false;
  let said = '';
  while (!stop.aborted) {
    let state = 'away';
    const silence = new AbortController();
    const signal = AbortSignal.any([stop, silence.signal]);
    try {
      let timer = setTimeout(() => silence.abort(), TIMEOUT_MS);
      try {
        const response = await connect(address, name, lastId, signal);
        wasThere = true;
        said = '';
        onFollowing();
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        const events = new ServerSentEvents();
        const text = new TextDecoder();
        for await (const chunk of response) {
          timer.refresh();
          for (const { id, data } of events.push(text.decode(chunk as Buffer, { stream: true }))) {
            lastId = id ?? lastId;
            if (data !== undefined) onEvent(JSON.parse(data) as EventJson);
          }
        }
      } finally {
        clearTimeout(timer);
      }
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof ClientError) throw error;
      if (error instanceof StartingError) state = 'starting';
      else if (!wasThere) throw silenceOf(address, error, TIMEOUT_MS);
    }
    if (stop.aborted) return;
    if (state !== said) complain(`watch: the daemon on ${formatHostPort(address)} is ${state}; waiting for it`);
    said = state;
    await waitForDaemon(address, stop);
  }
}

async function connect(
  address: HostPort,
  name: string | undefined,
  lastId: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = new URL('/v1/events', `http://${formatHostPort(address)}`);
  if (name !== undefined) url.searchParams.set('name', name);
  const headers = { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) };
  const response = await openResponse(url, { method: 'GET', headers, signal });
  if (response.statusCode === 200) return response;
  const body = parseJson(await textOf(response)) as { error?: { message: string } } | undefined;
  if (response.statusCode === UNAVAILABLE) throw new StartingError(body?.error?.message);
  throw refusalOf(response.statusCode ?? 0, url, body?.error?.message);
}

async function waitForDaemon(address: HostPort, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await wait(RETRY_MS, undefined, { signal: stop }).catch(() => undefined); // only `stop` ends it early
    if (await isThere(address, stop)) return;
  }
}

async function isThere(address: HostPort, stop: AbortSignal): Promise<boolean> {
  // Not AbortSignal.timeout: in one that is put together with another, nothing keeps Node 20 from collecting it before its time.
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), TIMEOUT_MS);
  try {
    await askDaemon(address, '/health', {}, { signal: AbortSignal.any([stop, silence.signal]) });
    return true;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function describe(event: EventJson): string {
  if (event.type !== 'EventsMissing') return describeEvent(event);
  const { fromSequence, toSequence, reason } = event;
  const when = new Date(event.atMs).toISOString();
  return `${when}  MISSING  events ${String(fromSequence)} to ${String(toSequence)} of the ${String(event.source)}: ${String(reason)}`;
}
