import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const LOG = new URL('../../shared/log.js', import.meta.url).href;

/** What `calls` on a log of this level write to standard error. */
function written(level: string, calls: string): string[] {
  const script = `import { createLog } from ${JSON.stringify(LOG)}; const log = createLog('${level}', 'resolver'); ${calls}`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return stderr.split('\n').filter((line) => line !== '');
}

const test = suite('shared/log');

test('a line is JSON: the level, then sorted keys', () => {
  const [line = ''] = written('info', "log.warn('store-lost', 'etcd is lost', { silentMs: 31200, endpoint: 'x' })");
  const { at, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.match(String(at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(rest, {
    level: 'warn',
    component: 'resolver',
    endpoint: 'x',
    event: 'store-lost',
    message: 'etcd is lost',
    silentMs: 31200,
  });
  assert.equal(Object.keys(JSON.parse(line)), ['level', 'at', 'component', 'endpoint', 'event', 'message', 'silentMs']);
});

test('lines below the level are left out, all of them at silent', () => {
  assert.is(written('warn', "log.info('a', 'a'); log.warn('b', 'b'); log.error('c', 'c')").length, 2);
  assert.is(written('silent', "log.error('c', 'c')").length, 0);
});

test.run();
