import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LookupSettings } from '../../../resolver/lookup/settings.ts';
import { explainName, type NameExplanation } from '../../../resolver/report/explain.ts';
import { parseName } from '../../../shared/name.ts';
import { CONTEXT, SETTINGS } from '../../support/lookup-table.ts';
import { zoneFrom } from '../../support/zone-text.ts';

const test = suite('resolver/explain');

const ZONE = zoneFrom(`
  a.web.example.org   host=192.0.2.1 port=80 portName=http protocol=tcp
  b.web.example.org   host=192.0.2.2 port=81 portName=admin protocol=tcp
  apex.dns.example.org host=192.0.2.9
  /skydns/arpa/in-addr/192/0/2/2 host=stored.example.org
  c.other.example.com host=192.0.2.1
`);

function explain(name: string, settings: Partial<LookupSettings> = {}): NameExplanation {
  return explainName(ZONE, parseName(name), { ...SETTINGS, ...settings }, CONTEXT, false);
}

/** `key: reason`, of those that count. */
function counted({ keys }: NameExplanation): string[] {
  return keys.flatMap(({ key, selected, reason }) => (selected ? [`${key}: ${reason}`] : []));
}

test('a service name tells of the records that offer it', () => {
  assert.equal(counted(explain('_http._tcp.web.example.org')), [
    '/skydns/org/example/web/a: for SRV: it offers the port http over tcp',
  ]);
  assert.equal(counted(explain('_ftp._tcp.web.example.org')), []);
});

test('a reverse name tells of the records that announce the address under a name of ours', () => {
  assert.equal(counted(explain('1.2.0.192.in-addr.arpa')), [
    '/skydns/org/example/web/a: for PTR: it announces 192.0.2.1 as a.web.example.org.',
  ]);
});

test('a reverse name that is stored tells of its own key', () => {
  const [key, ...others] = counted(explain('2.2.0.192.in-addr.arpa'));
  assert.is(key, '/skydns/arpa/in-addr/192/0/2/2: the key of the name itself');
  assert.equal(others, []);
});

test('the host-local name tells of the records it stands for', () => {
  const keys = counted(explain('local.dns.example.org', { local: parseName('a.web.example.org') }));
  assert.equal(keys, ['/skydns/org/example/web/a: it answers for a.web.example.org., which the name stands for']);
});

test('the apex says which of its keys answer to what', () => {
  const { steps } = explain('example.org');
  assert.match(steps.find(({ rule }) => rule === 'apex')?.verdict ?? '', 'apex.dns.example.org. alone');
});

test('what is selected in the usual way is told as before', () => {
  assert.equal(counted(explain('a.web.example.org')), ['/skydns/org/example/web/a: the key of the name itself']);
  assert.equal(counted(explain('web.example.org')).length, 2);
});

test.run();
