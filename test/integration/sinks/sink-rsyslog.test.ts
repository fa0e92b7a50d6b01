import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonLine, syslogFrame, syslogMessage } from '../../../announcer/sinks/lines.ts';
import { TcpReceiver } from '../../../announcer/sinks/receivers/tcp.ts';
import { UdpReceiver } from '../../../announcer/sinks/receivers/udp.ts';
import { numbers, pumping, sequencesOf } from '../../support/pumping.ts';
import { type Rsyslog, rsyslogProgram, startRsyslog } from '../../support/servers/rsyslog.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/sink-rsyslog';
const host = '127.0.0.1';
const PID = 4711;

const program = rsyslogProgram();
if (program === undefined) {
  console.log(`SKIP ${SUITE}: rsyslogd is missing; install the package rsyslog`);
} else {
  run(program);
}

function run(program: string): void {
  const test = suite(SUITE);
  let rsyslog: Rsyslog;
  test.before(async () => {
    rsyslog = await startRsyslog(program);
  });
  test.after(() => rsyslog.stop());

  /** The records in what rsyslog wrote of syslog: behind the seven parts of the header. */
  const texts = (): string[] =>
    rsyslog
      .syslog()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(line.indexOf('{')));

  for (const at of [0, 1]) {
    test(`JSON lines over TCP: every one, in order (${['imtcp', 'imptcp'][at]})`, async () => {
      const before = sequencesOf(rsyslog.json()).length;
      const { port } = rsyslog.jsonPorts[at] ?? { port: 0 };
      const { record, allTaken, pump, stop } = await pumping(new TcpReceiver({ host, port, frame: jsonLine }));
      record(1_000, 'quoted "text", é, ☃ and a \n line break');
      await allTaken();
      record(1);
      await allTaken();
      const seen = (): number[] => sequencesOf(rsyslog.json()).slice(before);
      await until('all of it in the file', () => seen().length >= 1_001);
      assert.equal(seen(), numbers(1_001));
      assert.equal(pump.counts, { sent: 1_001, retried: 0, dropped: 0, gaps: 0 });
      await stop();
    });
  }

  test('RFC 5424 over TCP with octet counting: header and record as they were sent', async () => {
    const frame = (record: Parameters<typeof syslogFrame>[0]): string => syslogFrame(record, PID);
    const { record, allTaken, stop } = await pumping(new TcpReceiver({ host, port: rsyslog.syslogPort, frame }));
    record(200, 'é ☃ <34>1 - - - 17 no frame');
    await allTaken();
    await until('all of it in the file', () => texts().length >= 200);
    assert.equal(
      texts().map((text) => (JSON.parse(text) as { sequence: number }).sequence),
      numbers(200),
    );
    const [line = ''] = rsyslog.syslog().split('\n');
    const { '@timestamp': at, detail } = JSON.parse(texts()[0] ?? '') as Record<string, string>;
    assert.is(detail, 'é ☃ <34>1 - - - 17 no frame');
    const [severity, facility, time, ...rest] = line.slice(0, line.indexOf('{')).trim().split(' ');
    assert.equal([severity, facility, rest], ['5', 'audit', ['node-1', 'rollcall', String(PID), 'held']]);
    assert.is(Date.parse(time ?? ''), Date.parse(at ?? ''));
    await stop();
  });

  test('RFC 5424 over UDP arrives, too', async () => {
    const before = texts().length;
    const message = (record: Parameters<typeof syslogMessage>[0]): string => syslogMessage(record, PID);
    const { record, allTaken, stop } = await pumping(new UdpReceiver({ host, port: rsyslog.udpPort, message }));
    record(20);
    await allTaken();
    await until('all of it in the file', () => texts().length >= before + 20);
    await stop();
  });

  test('what happens while rsyslog is away arrives when it is back', async () => {
    const before = sequencesOf(rsyslog.json()).length;
    const { port } = rsyslog.jsonPorts[1] ?? { port: 0 };
    const { record, allTaken, log, stop } = await pumping(new TcpReceiver({ host, port, frame: jsonLine }));
    record(10);
    await allTaken();
    await rsyslog.stop();
    record(600);
    await until('a failure', () => log.of('sink-failing').length > 0);
    await rsyslog.start();
    await allTaken();
    const seen = (): Set<number> => new Set(sequencesOf(rsyslog.json()).slice(before));
    await until('all of it in the file', () => seen().size >= 610);
    assert.equal(
      [...seen()].sort((a, b) => a - b),
      numbers(610),
    );
    await stop();
  });

  test.run();
}
