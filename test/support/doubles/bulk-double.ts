/**
 * A strict double of what rollcall uses of Elasticsearch: index templates and the bulk API. It refuses what the real one
 * refuses (the checks are those of Elasticsearch 8.11's reference), and fails as it is told.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket, type TlsOptions } from 'node:tls';

export interface Bulked {
  readonly index: string;
  readonly id: string;
  readonly document: Record<string, unknown>;
}

/** What becomes of one document; undefined: as the rules say. */
export type Refusal = { readonly status: number; readonly type: string; readonly reason: string } | undefined;

export interface BulkDoubleOptions {
  readonly tls?: TlsOptions;
  /** Without it nobody has to log in. */
  readonly login?: { readonly user: string; readonly password: string };
}

export class BulkDouble {
  readonly templates = new Map<string, Record<string, unknown>>();
  readonly stored: Bulked[] = [];
  /** Method and path of each request. */
  readonly requests: string[] = [];
  /** Common names of the clients' certificates, one a request. */
  readonly clients: string[] = [];
  /** What no real server would have let pass. */
  readonly breaches: string[] = [];
  /** Told of each document before it is stored. */
  refuse: (bulked: Bulked) => Refusal = () => undefined;
  /** Answers a whole request instead; returns whether it did. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  login: BulkDoubleOptions['login'];
  readonly #server: Server;

  private constructor({ tls, login }: BulkDoubleOptions) {
    this.login = login;
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    this.#server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  }

  static async start(options: BulkDoubleOptions = {}): Promise<BulkDouble> {
    const double = new BulkDouble(options);
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    this.requests.push(`${request.method} ${request.url}`);
    if (request.socket instanceof TLSSocket) {
      const { subject } = request.socket.getPeerCertificate() as { subject?: { CN?: string } };
      if (subject?.CN !== undefined) this.clients.push(subject.CN);
    }
    if (this.intercept(request, response)) return;
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    if (!this.#isLoggedIn(request))
      return answer(response, 401, failure('security_exception', 'unable to authenticate'));
    const url = new URL(request.url ?? '/', 'http://localhost');
    const template = /^\/_index_template\/([\w.-]+)$/.exec(url.pathname)?.[1];
    if (template !== undefined) return this.#template(template, request, url, body, response);
    if (request.method === 'POST' && url.pathname === '/_bulk') return this.#bulk(request, body, response);
    this.breaches.push(`no such path: ${request.method} ${request.url}`);
    return answer(response, 400, failure('illegal_argument_exception', 'no handler found'));
  }

  #isLoggedIn(request: IncomingMessage): boolean {
    if (this.login === undefined) return true;
    const { user, password } = this.login;
    return request.headers.authorization === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  #template(name: string, request: IncomingMessage, url: URL, body: string, response: ServerResponse): unknown {
    const known = this.templates.get(name);
    if (request.method === 'GET') {
      if (known === undefined) return answer(response, 404, failure('resource_not_found_exception', name));
      return answer(response, 200, { index_templates: [{ name, index_template: known }] });
    }
    if (request.headers['content-type'] !== 'application/json') return this.#wrongType(request, response);
    if (known !== undefined && url.searchParams.get('create') === 'true') {
      return answer(response, 400, failure('illegal_argument_exception', `index template [${name}] already exists`));
    }
    const template = JSON.parse(body) as Record<string, unknown>;
    if (!Array.isArray(template.index_patterns)) this.breaches.push('a template without index_patterns');
    this.templates.set(name, template);
    return answer(response, 200, { acknowledged: true });
  }

  #bulk(request: IncomingMessage, body: string, response: ServerResponse): unknown {
    if (request.headers['content-type'] !== 'application/x-ndjson') return this.#wrongType(request, response);
    if (!body.endsWith('\n')) {
      return answer(
        response,
        400,
        failure('illegal_argument_exception', 'The bulk request must be terminated by a newline [\\n]'),
      );
    }
    const lines = body.slice(0, -1).split('\n');
    if (lines.length % 2 !== 0) this.breaches.push('an action without its document');
    const items: object[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      items.push({ create: this.#create(JSON.parse(lines[at] ?? ''), JSON.parse(lines[at + 1] ?? '')) });
    }
    const errors = items.some((item) => 'error' in (item as { create: object }).create);
    return answer(response, 200, { took: 1, errors, items });
  }

  #create(action: Record<string, unknown>, document: Record<string, unknown>): object {
    const { _index: index, _id: id } = (action.create ?? {}) as { _index?: string; _id?: string };
    if (index === undefined || id === undefined || id.length > 512 || Object.keys(action).length !== 1) {
      this.breaches.push(`no create with an index and an id: ${JSON.stringify(action)}`);
      return { status: 400, error: { type: 'illegal_argument_exception', reason: 'bad action' } };
    }
    const covered = [...this.templates.values()].some(({ index_patterns: patterns }) =>
      (patterns as string[]).some((pattern) =>
        new RegExp(`^${pattern.replaceAll('.', '\\.').replace('*', '.*')}$`).test(index),
      ),
    );
    if (!covered) this.breaches.push(`a document for ${index} before its template`);
    if (typeof document['@timestamp'] !== 'string') this.breaches.push('a document without @timestamp');
    const bulked = { index, id, document };
    const refusal = this.refuse(bulked);
    if (refusal !== undefined) {
      const { status, type, reason } = refusal;
      return { _index: index, _id: id, status, error: { type, reason } };
    }
    if (this.stored.some((known) => known.index === index && known.id === id)) {
      const reason = `[${id}]: version conflict, document already exists`;
      return { _index: index, _id: id, status: 409, error: { type: 'version_conflict_engine_exception', reason } };
    }
    this.stored.push(bulked);
    return { _index: index, _id: id, status: 201, result: 'created' };
  }

  #wrongType(request: IncomingMessage, response: ServerResponse): unknown {
    this.breaches.push(`content type ${request.headers['content-type']} for ${request.url}`);
    return answer(
      response,
      406,
      failure('media_type_header_exception', 'Invalid media-type value on headers [Content-Type]'),
    );
  }
}

function failure(type: string, reason: string): object {
  return { error: { type, reason } };
}

export function answer(response: ServerResponse, status: number, json: object): unknown {
  return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}
