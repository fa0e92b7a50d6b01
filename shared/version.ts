import { readFileSync } from 'node:fs';

/** The version of this build, from the package it was built in (`dist/shared/` is two levels below it). */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
