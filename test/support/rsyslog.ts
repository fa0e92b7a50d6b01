/** A real rsyslogd on loopback, with a configuration and files of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { freePort } from './ports.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

export interface Rsyslog {
  /** JSON lines over TCP, as logstash takes them; by imtcp and by imptcp. */
  readonly jsonPorts: readonly { readonly module: string; readonly port: number }[];
  /** RFC 5424 over TCP with octet counting (imtcp), and over UDP. */
  readonly syslogPort: number;
  readonly udpPort: number;
  /** What came as JSON lines. */
  json(): string;
  /** What came as syslog, each message as `severity facility time host app procid msgid text`. */
  syslog(): string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const PATHS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The program; undefined when it is not installed. */
export function rsyslogProgram(): string | undefined {
  return PATHS.map((path) => join(path, 'rsyslogd')).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export async function startRsyslog(program: string): Promise<Rsyslog> {
  const directory = temporaryDirectory();
  const [jsonFile, syslogFile, config] = ['json', 'syslog', 'rsyslog.conf'].map((name) => join(directory, name));
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const;
  const [imtcp, imptcp, syslogPort, udpPort] = ports;
  const loopback = 'address="127.0.0.1"';
  writeFileSync(
    config as string,
    `global(workDirectory="${directory}" maxMessageSize="64k")
module(load="imtcp")
module(load="imptcp")
module(load="imudp")
template(name="raw" type="string" string="%rawmsg%\\n")
template(name="parts" type="string" string="%syslogseverity% %syslogfacility-text% %timestamp:::date-rfc3339% %hostname% %app-name% %procid% %msgid% %msg%\\n")
ruleset(name="json") { action(type="omfile" file="${jsonFile}" template="raw") }
ruleset(name="syslog") { action(type="omfile" file="${syslogFile}" template="parts") }
input(type="imtcp" ${loopback} port="${imtcp}" ruleset="json")
input(type="imptcp" ${loopback} port="${imptcp}" ruleset="json")
input(type="imtcp" ${loopback} port="${syslogPort}" ruleset="syslog")
input(type="imudp" ${loopback} port="${udpPort}" ruleset="syslog")
`,
  );
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(program, ['-n', '-f', config as string, '-i', join(directory, 'pid')], { stdio: 'ignore' });
    running.add(child);
    for (const port of [imtcp, imptcp, syslogPort]) await until(`rsyslogd on port ${port}`, () => accepts(port));
  };
  await start();
  const read = (path: string | undefined): string => (existsSync(path ?? '') ? readFileSync(path ?? '', 'utf8') : '');
  return {
    jsonPorts: [
      { module: 'imtcp', port: imtcp },
      { module: 'imptcp', port: imptcp },
    ],
    syslogPort,
    udpPort,
    json: () => read(jsonFile),
    syslog: () => read(syslogFile),
    start,
    stop: async () => {
      if (child === undefined) return;
      running.delete(child);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      child = undefined;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.end();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
