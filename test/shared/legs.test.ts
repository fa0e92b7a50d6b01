import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEG_SERVICES_MAX, legSeconds, OTHER_SERVICES, ServiceLabels, serviceOfKey } from '../../shared/legs.ts';
import type { EtcdKey } from '../../shared/name.ts';

const test = suite('shared/legs');

test('a hundred services have a label each, those after them one together', () => {
  const labels = new ServiceLabels();
  const services = Array.from({ length: LEG_SERVICES_MAX }, (_each, at) => `web-${at}`);
  assert.equal(
    services.map((service) => labels.of(service)),
    services,
  );
  assert.is(labels.of('late'), OTHER_SERVICES);
  assert.is(labels.of('later'), OTHER_SERVICES);
  assert.is(labels.of('web-0'), 'web-0');
});

test('the service of a key stands before the host and the instance', () => {
  assert.is(serviceOfKey('/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7' as EtcdKey), 'web');
  assert.is(serviceOfKey('/web' as EtcdKey), '');
});

test('a leg that ended before it began, by the clocks of two hosts, took no time', () => {
  assert.is(legSeconds(1000, 1250), 0.25);
  assert.is(legSeconds(1250, 1000), 0);
});

test.run();
