import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RegistratorSettings } from '../../../announcer/naming/registrator.ts';
import { facts } from '../../support/container-facts.ts';

const test = suite('announcer/registrator');

const HTTP = { containerPort: 80, protocol: 'tcp' };
const settings = (labels: Record<string, string>, serviceEnvironment: Record<string, string> = {}) =>
  new RegistratorSettings(facts({ labels, serviceEnvironment }));

test('a label wins over a variable, and a port’s field over the general one', () => {
  const both = settings({ SERVICE_NAME: 'label' }, { SERVICE_NAME: 'variable', SERVICE_80_NAME: 'port variable' });
  assert.is(both.field('NAME')?.value, 'label');
  assert.is(both.field('NAME', HTTP)?.value, 'port variable');
  assert.is(both.field('NAME', { containerPort: 443, protocol: 'tcp' })?.value, 'label');
});

test('a field for a port and protocol is of that protocol alone', () => {
  const dns = settings({ SERVICE_53_udp_NAME: 'dns-udp', SERVICE_53_NAME: 'dns' });
  assert.is(dns.field('NAME', { containerPort: 53, protocol: 'udp' })?.value, 'dns-udp');
  assert.is(dns.field('NAME', { containerPort: 53, protocol: 'tcp' })?.value, 'dns');
});

test('says whether a name was given for the port', () => {
  assert.is(settings({ SERVICE_80_NAME: 'a' }).field('NAME', HTTP)?.ofPort, true);
  assert.is(settings({ SERVICE_NAME: 'a' }).field('NAME', HTTP)?.ofPort, false);
});

test('the field’s name is of either case, the prefix is not', () => {
  assert.is(settings({ SERVICE_name: 'a' }).field('NAME')?.value, 'a');
  assert.is(settings({ service_NAME: 'a' }).field('NAME'), undefined);
});

test('an empty value is an absent one', () => {
  assert.is(settings({ SERVICE_NAME: '' }, { SERVICE_NAME: 'b' }).field('NAME')?.value, 'b');
});

for (const value of ['true', '1', 'yes', 'x']) {
  test(`SERVICE_IGNORE=${value} ignores`, () => {
    assert.is(settings({ SERVICE_IGNORE: value }).ignoredBy(), 'label SERVICE_IGNORE');
    assert.is(settings({}, { SERVICE_IGNORE: value }).ignoredBy(), 'variable SERVICE_IGNORE');
  });
}
for (const value of ['false', 'False', '0', 'no', 'off', '', ' ']) {
  test(`SERVICE_IGNORE=${JSON.stringify(value)} does not ignore`, () => {
    assert.is(settings({ SERVICE_IGNORE: value }).ignoredBy(), undefined);
  });
}

test('a port is ignored alone', () => {
  const one = settings({ SERVICE_80_IGNORE: 'true' });
  assert.is(one.ignoredBy(HTTP), 'label SERVICE_80_IGNORE');
  assert.is(one.ignoredBy(), undefined);
  assert.is(settings({ SERVICE_IGNORE: 'true' }).ignoredBy(HTTP), undefined, 'of the container, not of the port');
});

test('tags and ids are taken from labels, and else from the environment', () => {
  assert.is(settings({ SERVICE_TAGS: 'a,b' }, { SERVICE_TAGS: 'c' }).field('TAGS')?.value, 'a,b');
  const given = settings({}, { SERVICE_TAGS: 'a', SERVICE_ID: 'b', SERVICE_80_ID: 'c', SERVICE_443_TAGS: 'd' });
  assert.is(given.field('TAGS', HTTP)?.value, 'a');
  assert.is(given.field('ID')?.value, 'b');
  assert.is(given.field('ID', HTTP)?.value, 'c');
  assert.is(given.field('ID', HTTP)?.source, 'variable SERVICE_80_ID');
});

test.run();
