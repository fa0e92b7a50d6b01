import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ACCESS_PARAMETERS, withoutAccess } from '../../../announcer/sinks/access.ts';
import fc from '../../support/properties.ts';

const test = suite('announcer/sinks/access');

test('a URL without files stays as it was written, so that sinks of before keep their place', () => {
  for (const url of ['stdout:', 'logstash://host:5959', 'elasticsearch://u@host/x?daily=1&template=0', 'file:///a?b'])
    assert.is(withoutAccess(url), url);
});

test('whatever files a URL names, wherever in it, it is known by the rest', () => {
  const path = fc.webPath();
  const file = fc
    .tuple(fc.constantFrom(...ACCESS_PARAMETERS), path)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const other = fc.constantFrom('daily=1', 'template=0', 'tls=1', 'cafe=1');
  fc.assert(
    fc.property(fc.array(fc.oneof(file, other)), (parts) => {
      const join = (each: readonly string[]): string => (each.length === 0 ? '' : `?${each.join('&')}`);
      const names: readonly string[] = ACCESS_PARAMETERS;
      const others = parts.filter((part) => !names.includes(part.split('=')[0] as string));
      const base = 'elasticsearchs://host:9200/x';
      assert.is(withoutAccess(`${base}${join(parts)}`), `${base}${join(others)}`);
    }),
  );
});

test.run();
