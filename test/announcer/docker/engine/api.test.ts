import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseApiVersion } from '../../../../announcer/docker/engine/api.ts';

const test = suite('announcer/docker-api');

const ROWS: readonly [what: string, newest: unknown, oldest: unknown, chosen: string | undefined][] = [
  ["an older engine's own", '1.41', '1.12', '1.41'],
  ['the newest tested of a newer engine', '1.60', '1.44', '1.52'],
  ['the oldest that a much newer engine still offers', '1.70', '1.60', '1.60'],
  ['versions as numbers, not as text', '1.9', undefined, '1.9'],
  ["Podman's, with a patch level", '1.41.0', '1.24', '1.41'],
  ['none when the engine names none', undefined, undefined, undefined],
  ['none when it is no version', 'latest', 7, undefined],
];

for (const [what, newest, oldest, chosen] of ROWS) {
  test(`speaks ${what}`, () => assert.is(chooseApiVersion({ newest, oldest }), chosen));
}

test.run();
