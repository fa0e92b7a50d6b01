import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { imageBaseName, ldhLabel } from '../../../announcer/naming/service-name.ts';
import { isLdhLabel } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('announcer/service-name');

const LABELS: readonly (readonly [string, string])[] = [
  ['web', 'web'],
  ['Web_App', 'web-app'],
  ['stack_web', 'stack-web'],
  ['api.v1', 'api-v1'],
  ['node-1:redis.0:6379', 'node-1-redis-0-6379'],
  [' web ', 'web'],
  ['b\u{1F680}x', 'b-x'],
  ['8080', '8080'],
];
for (const [text, label] of LABELS) {
  test(`makes ${JSON.stringify(text)} the label ${label}`, () => {
    assert.equal(ldhLabel(text), { ok: true, label });
  });
}

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['', /is empty/],
  ['   ', /is empty/],
  ['_web', /begins or ends with a hyphen/],
  ['web_', /begins or ends with a hyphen/],
  ['é', /begins or ends with a hyphen/],
  ['a'.repeat(64), /64 characters; a label has at most 63/],
];
for (const [text, reason] of REFUSED) {
  test(`refuses ${JSON.stringify(text.slice(0, 10))}, and never cuts it`, () => {
    const made = ldhLabel(text);
    assert.not.ok(made.ok);
    if (!made.ok) assert.match(made.reason, reason);
  });
}

test('whatever it makes is one LDH label in lower case', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      const made = ldhLabel(text);
      assert.ok(!made.ok || (isLdhLabel(made.label) && made.label === made.label.toLowerCase()));
    }),
  );
});

const IMAGES: readonly (readonly [string, string | undefined])[] = [
  ['nginx', 'nginx'],
  ['nginx:1.27', 'nginx'],
  ['library/nginx:latest', 'nginx'],
  ['registry.example.org:5000/team/Web_App:1.2', 'Web_App'],
  ['registry.example.org:5000/web', 'web'],
  [`registry:5000/web@sha256:${'ab'.repeat(32)}`, 'web'],
  [`web:1.2@sha256:${'ab'.repeat(32)}`, 'web'],
  ['localhost/web', 'web'],
  [`sha256:${'ab'.repeat(32)}`, undefined],
  ['ab'.repeat(32), undefined],
  ['0f3cbfe1ec3a', undefined],
  ['', undefined],
];
for (const [image, name] of IMAGES) {
  test(`the base name of ${image.slice(0, 50)} is ${name}`, () => assert.is(imageBaseName(image), name));
}

test.run();
