import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { bulkBody, readBulkAnswer, templateBody, templateName } from '../bulk.ts';
import { type Delivery, type Receiver, SinkError } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';
import type { SinkTarget } from '../target.ts';
import { connecting, readTlsFiles, type TlsMaterial, tlsReason } from './tls.ts';

export interface ElasticsearchSettings {
  readonly target: Extract<SinkTarget, { readonly kind: 'elasticsearch' }>;
  /** For one request, to its answer's last octet; default 15 s. */
  readonly timeoutMs?: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 15_000;
const ANSWER_OCTETS_MAX = 16 * 1024 * 1024;
/** Of an answer that says why, in a message. */
const REASON_MAX = 300;
const TOO_LARGE = 413;
const AGENT = { keepAlive: true, maxSockets: 1 } as const;

/** The bulk API of Elasticsearch 7.9 and later, and of OpenSearch. */
export class ElasticsearchReceiver implements Receiver {
  readonly #settings: ElasticsearchSettings;
  #agent: PlainAgent | TlsAgent = new PlainAgent(AGENT);
  /** What the agent's connections are made with; undefined of one without TLS. */
  #material: TlsMaterial | undefined;
  #hasTemplate: boolean;

  constructor(settings: ElasticsearchSettings) {
    this.#settings = settings;
    this.#hasTemplate = !settings.target.hasTemplate;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    if (this.#settings.target.tls) await this.#renewAgent();
    if (!this.#hasTemplate) await this.#makeTemplate(signal);
    const body = bulkBody(batch, this.#settings.target);
    const answer = await this.#ask('POST', '/_bulk', signal, body, 'application/x-ndjson');
    if (answer.status === TOO_LARGE && batch.length === 1) {
      const [record] = batch as [SinkRecord];
      return { dropped: [{ record, reason: `${Buffer.byteLength(body)} octets are too much for it` }], again: [] };
    }
    if (answer.status !== 200) throw refusal('POST /_bulk', answer);
    const delivery = readBulkAnswer(answer.text, batch);
    if (delivery !== undefined) return delivery;
    throw new SinkError(`its answer to POST /_bulk is not one: ${answer.text.slice(0, REASON_MAX)}`);
  }

  reopen(): void {}

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  /** New certificates make a new agent; the connection of the old one goes with it. */
  async #renewAgent(): Promise<void> {
    const material = await readTlsFiles(this.#settings.target.access);
    if (this.#material !== undefined && isSame(material, this.#material)) return;
    this.#agent.destroy();
    this.#agent = new TlsAgent({ ...AGENT, ...material });
    this.#material = material;
  }

  /** Once a process, and only where there is none: one that was made by hand, or changed, stays as it is. */
  async #makeTemplate(signal: AbortSignal): Promise<void> {
    const { target } = this.#settings;
    const path = `/_index_template/${templateName(target)}`;
    const found = await this.#ask('GET', path, signal);
    if (found.status === 404) {
      const made = await this.#ask('PUT', `${path}?create=true`, signal, templateBody(target), 'application/json');
      if (made.status !== 200) throw refusal(`PUT ${path}`, made);
    } else if (found.status !== 200) {
      throw refusal(`GET ${path}`, found);
    }
    this.#hasTemplate = true;
  }

  async #ask(method: string, path: string, signal: AbortSignal, body?: string, type?: string): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json', ...(await this.#authorization()) };
    const octets = body === undefined ? undefined : Buffer.from(body);
    if (octets !== undefined) headers['content-length'] = String(octets.length);
    if (type !== undefined) headers['content-type'] = type;
    return this.#exchange(method, path, headers, octets, signal);
  }

  #exchange(
    method: string,
    path: string,
    headers: Record<string, string>,
    octets: Buffer | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { target, timeoutMs = TIMEOUT_MS } = this.#settings;
    const options = { method, path, headers, host: target.host, port: target.port, agent: this.#agent, signal };
    return new Promise((resolve, reject) => {
      const request = target.tls ? connecting(() => tlsRequest(options)) : plainRequest(options);
      const deadline = setTimeout(() => {
        request.destroy(new SinkError(`no answer to ${method} ${path} within ${timeoutMs} ms`));
      }, timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(deadline);
        reject(error instanceof SinkError ? error : new SinkError(tlsReason(error), { cause: error }));
      };
      request.on('error', fail);
      request.once('response', (response) => {
        readAll(response).then((text) => {
          clearTimeout(deadline);
          resolve({ status: response.statusCode ?? 0, text });
        }, fail);
      });
      request.end(octets);
    });
  }

  /** Read anew each time: a password that was changed counts from the next request on. */
  async #authorization(): Promise<{ authorization?: string }> {
    const { target } = this.#settings;
    const { passwordFile } = target.access;
    if (target.user === undefined || passwordFile === undefined) return {};
    try {
      const password = (await readFile(passwordFile, 'utf8')).trimEnd();
      return { authorization: `Basic ${Buffer.from(`${target.user}:${password}`).toString('base64')}` };
    } catch (error) {
      throw new SinkError(`its password cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > ANSWER_OCTETS_MAX) throw new SinkError(`its answer is longer than ${ANSWER_OCTETS_MAX} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const ADVICE: Readonly<Record<number, string>> = {
  401: ' (see the user in --sink, and --sink-password-file or ?password-file=)',
  403: ' (its user needs create_doc and auto_configure on the index, and manage_index_templates; or make the template by hand and add ?template=0)',
};

function refusal(what: string, { status, text }: Answer): SinkError {
  return new SinkError(`it answers ${what} with ${status}${ADVICE[status] ?? ''}: ${text.slice(0, REASON_MAX)}`);
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return (['ca', 'cert', 'key'] as const).every((name) => {
    const [before, after] = [one[name], other[name]];
    return before === undefined || after === undefined ? before === after : before.equals(after);
  });
}
