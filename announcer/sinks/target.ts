import { isIP } from 'node:net';
import { ACCESS_PARAMETERS, accessOf, type SinkAccess, TLS_PARAMETERS, withoutAccess } from './access.ts';

/** Where records go, as a URL of `--sink` says. `id` is what it is known by from start to start, `url` what was written. */
export type SinkTarget = { readonly url: string; readonly id: string } & (
  | ({ readonly kind: 'logstash'; readonly tls: boolean } & Address)
  | ({
      readonly kind: 'elasticsearch';
      readonly tls: boolean;
      readonly user: string | undefined;
      /** The data stream; with `isDaily` what the day is put behind. */
      readonly index: string;
      readonly isDaily: boolean;
      /** Whether the index template is ours to make. */
      readonly hasTemplate: boolean;
    } & Address)
  | ({ readonly kind: 'syslog'; readonly transport: 'tcp' | 'udp'; readonly tls: boolean } & Address)
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdout' }
);

export type SinkKind = SinkTarget['kind'];

interface Address {
  readonly host: string;
  readonly port: number;
  readonly access: SinkAccess;
}

export type TargetRead =
  | { readonly ok: true; readonly target: SinkTarget }
  | { readonly ok: false; readonly problem: string };

const EXAMPLES =
  'logstash://host:5959, logstash+tls://host:5959, elasticsearch://host:9200/index, syslog://host:514, syslog+tls://host:6514, syslog+udp://host:514, file:///path or stdout:';
/** Of `syslog+tls`: RFC 5425 §4.1. */
const DEFAULT_PORTS = { logstash: 5959, elasticsearch: 9200, syslog: 514, 'syslog+tls': 6514 } as const;
/** What Elasticsearch and OpenSearch take, and nothing that a URL or a shell would read otherwise. */
const INDEX_NAME = /^[a-z0-9][a-z0-9._-]{0,199}$/;
const SWITCHES = ['tls', 'daily', 'template'];

/** Reads one `--sink`. A problem never repeats a password. */
export function parseTarget(text: string): TargetRead {
  if (!URL.canParse(text)) return problem(`is no URL; write ${EXAMPLES}`);
  const url = new URL(text);
  if (url.password !== '') return problem('a password in a URL gets into logs; put it in --sink-password-file');
  const scheme = url.protocol.slice(0, -1);
  switch (scheme) {
    case 'logstash':
    case 'logstash+tls': {
      const tls = scheme === 'logstash+tls';
      return bare(url, tls) ?? addressed(url, 'logstash', (at) => ({ kind: 'logstash', tls, ...at, ...named(text) }));
    }
    case 'syslog':
    case 'syslog+tcp':
    case 'syslog+tls':
    case 'syslog+udp': {
      const tls = scheme === 'syslog+tls';
      const transport = scheme === 'syslog+udp' ? 'udp' : 'tcp';
      const make = (at: Address): SinkTarget => ({ kind: 'syslog', transport, tls, ...at, ...named(text) });
      return bare(url, tls) ?? addressed(url, tls ? 'syslog+tls' : 'syslog', make);
    }
    case 'elasticsearch':
    case 'elasticsearchs':
      return elasticsearch(url, text);
    case 'file':
      return file(url, text);
    case 'stdout':
      if (text !== 'stdout:') return problem('standard output has no more to say: write stdout:');
      return { ok: true, target: { kind: 'stdout', ...named(text) } };
    default:
      return problem(`there is no kind of sink ${JSON.stringify(scheme)}; write ${EXAMPLES}`);
  }
}

function elasticsearch(url: URL, text: string): TargetRead {
  const index = decodeURIComponentSafely(url.pathname.slice(1));
  if (!INDEX_NAME.test(index)) {
    return problem(
      'name the data stream behind the host, as elasticsearch://host:9200/rollcall-audit: lower-case letters, digits, . _ - (at most 200)',
    );
  }
  for (const [name, value] of url.searchParams) {
    if (isAccess(name, ACCESS_PARAMETERS)) continue;
    if (!SWITCHES.includes(name) || (value !== '0' && value !== '1')) {
      return problem(
        `?${SWITCHES.includes(name) ? `${name}=${value}` : name} is not known; ?tls=1, ?daily=1, ?template=0, and files as ?ca=, ?cert=, ?key= and ?password-file= are`,
      );
    }
  }
  return (
    accessProblem(url) ??
    addressed(url, 'elasticsearch', (address) => ({
      kind: 'elasticsearch',
      ...address,
      tls: url.protocol === 'elasticsearchs:' || url.searchParams.get('tls') === '1',
      user: url.username === '' ? undefined : decodeURIComponentSafely(url.username),
      index,
      isDaily: url.searchParams.get('daily') === '1',
      hasTemplate: url.searchParams.get('template') !== '0',
      ...named(text),
    }))
  );
}

function file(url: URL, text: string): TargetRead {
  const path = decodeURIComponentSafely(url.pathname);
  if (url.host !== '' || !text.startsWith('file:///') || path.endsWith('/') || url.search !== '' || url.hash !== '') {
    return problem('must be an absolute path of a file, as file:///var/log/rollcall/audit.jsonl');
  }
  return { ok: true, target: { kind: 'file', path, ...named(text) } };
}

/** @returns the problem of a URL that says more than a host and a port and, with TLS, its files */
function bare(url: URL, tls: boolean): TargetRead | undefined {
  const isBare = (url.pathname === '' || url.pathname === '/') && url.hash === '' && url.username === '';
  const mayHave = [...url.searchParams.keys()].every((name) => tls && isAccess(name, TLS_PARAMETERS));
  if (isBare && mayHave) return accessProblem(url);
  const files = tls
    ? ', and ?ca=FILE, &cert=FILE and &key=FILE where they are wanted'
    : ' (for TLS write +tls behind the scheme)';
  return problem(`must be a scheme, a host and a port only${files}`);
}

function isAccess(name: string, parameters: readonly string[]): boolean {
  return parameters.includes(name);
}

function accessProblem({ searchParams }: URL): TargetRead | undefined {
  for (const name of ACCESS_PARAMETERS) {
    const [file, ...more] = searchParams.getAll(name);
    if (file === '' || more.length > 0) return problem(`?${name}= must name one file`);
  }
  if (searchParams.has('cert') === searchParams.has('key')) return undefined;
  return problem('has one of ?cert= and ?key=; a client certificate needs both');
}

function named(text: string): { readonly url: string; readonly id: string } {
  return { url: text, id: withoutAccess(text) };
}

function addressed(url: URL, kind: keyof typeof DEFAULT_PORTS, make: (address: Address) => SinkTarget): TargetRead {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[a-z0-9_]([a-z0-9_.-]{0,252})$/i.test(host)) return problem('names no host');
  const port = url.port === '' ? DEFAULT_PORTS[kind] : Number(url.port);
  if (port === 0) return problem('port 0 is none; give 1 to 65535');
  return { ok: true, target: make({ host, port, access: accessOf(url) }) };
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % stands for itself
  }
}

function problem(text: string): TargetRead {
  return { ok: false, problem: text };
}
