import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { parseName } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { type Answering, answering, TCP_CLIENT, UDP_CLIENT } from '../../support/answering.ts';
import { NOW_MS } from '../../support/lookup-table.ts';
import fc from '../../support/properties.ts';
import { type Ask, queryOctets } from '../../support/servers/dns-client.ts';
import { deletion, keyFor, put } from '../../support/zone-text.ts';

const test = suite('resolver/compiled answers equal fresh ones');

/** A small world, so that random changes and questions meet. */
const LABELS = ['a', 'b', 'web', 'any'];
const label = fc.constantFrom(...LABELS);
const zoneName = fc.constantFrom('example.org', 'example.net');
const storedName = fc
  .tuple(fc.array(label, { maxLength: 3 }), fc.constantFrom('', '', '', 'ns.dns.', 'apex.dns.'), zoneName)
  .map(([labels, special, zone]) => `${labels.map((each) => `${each}.`).join('')}${special}${zone}`);
const address = fc.nat(3).map((at) => `192.0.2.${at}`);
const host = fc.oneof(address, fc.constantFrom('2001:db8::1', '2001:db8::2'), storedName);

const value = fc
  .record(
    {
      host,
      port: fc.constantFrom(80, 8080),
      weight: fc.constantFrom(0, 10, 100),
      priority: fc.constantFrom(0, 10),
      ttl: fc.constantFrom(0, 1, 3, 300),
      text: fc.constantFrom('', 'one', 'x'.repeat(300)),
      mail: fc.boolean(),
      group: fc.constantFrom('', 'g1', 'g2'),
      targetstrip: fc.constantFrom(0, 1),
      portName: fc.constantFrom('http', 'dns'),
      protocol: fc.constantFrom('tcp', 'udp'),
    },
    { requiredKeys: [] },
  )
  .map((record) => JSON.stringify(record));

type Step =
  | { readonly do: 'put'; readonly name: string; readonly value: string; readonly lease: string | undefined }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'ask'; readonly ask: Ask; readonly isTcp: boolean }
  | { readonly do: 'wait'; readonly ms: number };

const askedLabel = fc.constantFrom(...LABELS, '*', '*', '_http', '_tcp');
const askedName = fc.oneof(
  fc.tuple(fc.array(askedLabel, { maxLength: 3 }), zoneName).map(([labels, zone]) => [...labels, zone].join('.')),
  storedName,
  storedName.map((name) => name.toUpperCase()),
  storedName.map((name) => `_http._tcp.${name}`),
  address.map((text) => `${text.split('.').reverse().join('.')}.in-addr.arpa`),
  fc.constantFrom('local.dns.example.org', 'dns.example.org', 'www.example.com'),
);
const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'ANY', 4711] as const;
const edns = fc.constantFrom(
  undefined,
  { udp: 512 },
  { udp: 1232 },
  { udp: 4096, options: [{ code: 10, data: '12345678' }] },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      name: storedName,
      value,
      lease: fc.constantFrom(undefined, undefined, '1', '2', '3'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), name: storedName }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      ask: fc
        .tuple(askedName, fc.constantFrom(...TYPES), edns)
        .map(([name, type, each]) => ({ name, type, ...(each !== undefined && { edns: each }) })),
      isTcp: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 1_000, 5_000) }) },
);

/** Leases run out one after the other; of the third nothing is known. */
const DEADLINES = new Map([
  ['1', NOW_MS + 4_000],
  ['2', NOW_MS + 12_500],
]);
const OPTIONS = {
  lookupSettings: {
    zones: ['example.org.', 'example.net.', '2.0.192.in-addr.arpa.'].map(parseName),
    local: parseName('web.example.org'),
  },
  context: { leaseDeadlineMs: (lease: LeaseId) => DEADLINES.get(lease) },
};

const TIMES = 3;

/** A response without what differs between two answers to one question: the order of records that rotate, and cookies. */
function essence(response: Buffer | undefined): unknown {
  if (response === undefined) return undefined;
  const { answers = [], authorities = [], additionals = [], questions, ...rest } = decode(response);
  const text = (records: readonly object[]) => records.map((record) => JSON.stringify(record)).sort();
  return {
    flags: response.readUInt16BE(2),
    length: response.length,
    questions,
    id: rest.id,
    answers: text(answers),
    authorities: text(authorities),
    additionals: text(additionals.filter(({ type }) => type !== 'OPT')),
  };
}

/** Asked three times, so that negative answers are kept too: each time it gets what a new answerer gives, which looks everything up. */
function check(kept: Answering, ask: Ask, isTcp: boolean): void {
  const client = isTcp ? TCP_CLIENT : UDP_CLIENT;
  const fresh = answering(kept.zone, { ...OPTIONS, deps: { denials: undefined } });
  fresh.nowMs = kept.nowMs;
  const query = queryOctets(ask);
  const expected = essence(fresh.ask(query, client));
  for (let times = 0; times < TIMES; times += 1) {
    assert.equal(essence(kept.ask(query, client)), expected, `${ask.name} ${ask.type}`);
  }
}

test('after any sequence of changes, waits and questions', () => {
  let lookups = 0;
  let asks = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      const kept = answering('', OPTIONS);
      const asked: [Ask, boolean][] = [];
      let revision = 1;
      for (const each of steps) {
        if (each.do === 'wait') kept.nowMs += each.ms;
        else if (each.do === 'ask') {
          asked.push([each.ask, each.isTcp]);
          check(kept, each.ask, each.isTcp);
        } else {
          revision += 1;
          kept.apply(eventOf(each, revision));
        }
      }
      // What was asked before any of the changes must be right after all of them.
      for (const [ask, isTcp] of asked) check(kept, ask, isTcp);
      lookups += kept.lookups;
      asks += 2 * TIMES * asked.length;
    }),
    { numRuns: Number(process.env.ROLLCALL_COMPILED_RUNS ?? 150), includeErrorInReport: true },
  );
  assert.ok(lookups < asks * 0.75, `compiled answers were used: ${lookups} lookups for ${asks} questions`);
});

function eventOf(each: Extract<Step, { do: 'put' | 'delete' }>, revision: number): ZoneEvent {
  const key = keyFor(each.name);
  return each.do === 'put' ? put(key, each.value, revision, each.lease) : deletion(key, revision);
}

test.run();
