import type { Delivery } from './receiver.ts';
import { ALL_TAKEN } from './receiver.ts';
import type { SinkRecord } from './record.ts';
import type { SinkTarget } from './target.ts';

type Target = Pick<Extract<SinkTarget, { readonly kind: 'elasticsearch' }>, 'index' | 'isDaily'>;

/**
 * The body of `POST /_bulk`: for each record a line that says what to do and a line with it. `create` is all that a data
 * stream takes; with an id of ours a record that was sent before is refused as known, which does no harm.
 */
export function bulkBody(batch: readonly SinkRecord[], target: Target): string {
  const lines = batch.map((record) => {
    const action = { create: { _index: indexOf(record, target), _id: documentIdOf(record) } };
    return `${JSON.stringify(action)}\n${JSON.stringify(record)}\n`;
  });
  return lines.join('');
}

/** The same for every repeat of a record; the time keeps it apart from a journal that was begun anew. */
export function documentIdOf(record: SinkRecord): string {
  return `${record.host}-${record.sequence}-${Date.parse(record['@timestamp'])}`;
}

function indexOf(record: SinkRecord, { index, isDaily }: Target): string {
  return isDaily ? `${index}-${record['@timestamp'].slice(0, 10).replaceAll('-', '.')}` : index;
}

/** The name of the index template. */
export function templateName({ index }: Target): string {
  return `rollcall-${index}`;
}

export function templateBody({ index, isDaily }: Target): string {
  const keyword = { type: 'keyword', ignore_above: 1024 };
  const template = {
    mappings: {
      dynamic_templates: [{ labels: { path_match: 'labels.*', mapping: keyword } }],
      properties: {
        '@timestamp': { type: 'date' },
        sequence: { type: 'long' },
        exit_code: { type: 'integer' },
        gap_from: { type: 'long' },
        gap_to: { type: 'long' },
        detail: { type: 'text' },
        ...Object.fromEntries(KEYWORDS.map((name) => [name, keyword])),
      },
    },
  };
  const pattern = isDaily ? `${index}-*` : index;
  return JSON.stringify({
    index_patterns: [pattern],
    ...(isDaily ? {} : { data_stream: {} }),
    priority: 200, // above the templates that come with Elasticsearch
    template,
    _meta: { description: 'The lives of containers, written by rollcall' },
  });
}

const KEYWORDS: readonly (keyof SinkRecord)[] = [
  'action',
  'host',
  'container_name',
  'container_id',
  'image',
  'service',
  'key',
  'reason',
  'cause',
];

/** A version conflict of `create`: a document with this id is there already. */
const CONFLICT = 409;
const TOO_MANY = 429;

interface BulkItem {
  readonly status?: unknown;
  readonly error?: { readonly type?: unknown; readonly reason?: unknown };
}

/**
 * What a bulk answer says of each record of its batch; undefined when it is not the answer to that batch. A record that is
 * refused with 4xx would be refused again, and is dropped; 429 and 5xx are the receiver's own trouble.
 */
export function readBulkAnswer(text: string, batch: readonly SinkRecord[]): Delivery | undefined {
  const answer = parse(text);
  if (answer?.errors === false) return ALL_TAKEN;
  const items = answer?.items;
  if (!Array.isArray(items) || items.length !== batch.length) return undefined;
  const dropped: { record: SinkRecord; reason: string }[] = [];
  const again: SinkRecord[] = [];
  for (const [at, record] of batch.entries()) {
    const item = (items[at] as { create?: BulkItem } | null)?.create;
    if (item === undefined || typeof item.status !== 'number') return undefined;
    const { status, error } = item;
    if (status < 300 || status === CONFLICT) continue;
    if (status === TOO_MANY || status >= 500) again.push(record);
    else dropped.push({ record, reason: `${status} ${String(error?.type ?? '')}: ${String(error?.reason ?? '')}` });
  }
  return { dropped, again };
}

function parse(text: string): { readonly errors?: unknown; readonly items?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // not an answer of the bulk API; the caller says so
  }
}
