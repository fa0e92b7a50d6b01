import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withoutSecrets } from '../../shared/redaction.ts';

const test = suite('shared/redaction');

for (const [text, shown] of [
  ['elasticsearch://user:hunter2@host/x', 'elasticsearch://user:***@host/x'],
  ['elasticsearch://:hunter2@host/x', 'elasticsearch://:***@host/x'],
  ['elasticsearch://user:hu/nt@er:2@host/x', 'elasticsearch://user:***@host/x'],
  ['http://user:hun?ter2@host:2379', 'http://user:***@host:2379'],
  ['user:hunter2@host:2379', 'user:***@host:2379'],
  ['http:/ok?token=hunter2', 'http:/ok?token=***'],
  ['http:/ok?a=hunter2&b&c=hunter2=hunter2', 'http:/ok?a=***&***&c=***'],
  ['/ok?hunter2', '/ok?***'],
  ['/ok?', '/ok?***'],
  ['http://host/ok?mail=hunter2@host', 'http://host/ok?mail=***'],
  ['http://bob:hunter2@host/ok?token=hunter2', 'http://bob:***@host/ok?token=***'],
  ['elasticsearch://user@host:9200/x', 'elasticsearch://user@host:9200/x'],
  ['logstash://host:5959', 'logstash://host:5959'],
  ['192.0.2.1:53', '192.0.2.1:53'],
  ['/run/a:b@c.sock', '/run/a:b@c.sock'],
  ['', ''],
] as const) {
  test(`${shown} is what messages show of ${text.replaceAll('hunter2', '…')}`, () => {
    assert.is(withoutSecrets(text), shown);
  });
}

test.run();
