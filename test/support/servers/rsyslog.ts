/** A real rsyslogd on loopback, with a configuration and files of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { freePort } from './ports.ts';

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

/** How rsyslog takes TLS (RFC 5425): the files are its own, and it takes only a client of this name. */
export interface RsyslogTls {
  readonly driver: 'gtls' | 'ossl';
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly permittedPeer: string;
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

/** Whether rsyslog can speak TLS by this driver (packages rsyslog-gnutls, rsyslog-openssl). */
export function hasRsyslogDriver(driver: RsyslogTls['driver']): boolean {
  const libraries = readdirSync('/usr/lib').map((folder) => join('/usr/lib', folder, 'rsyslog'));
  return ['/usr/lib/rsyslog', ...libraries].some((folder) => existsSync(join(folder, `lmnsd_${driver}.so`)));
}

/** @param tls of what imtcp listens on: then neither imptcp nor UDP is there */
export async function startRsyslog(program: string, tls?: RsyslogTls): Promise<Rsyslog> {
  const directory = temporaryDirectory();
  const [jsonFile, syslogFile, config] = ['json', 'syslog', 'rsyslog.conf'].map((name) => join(directory, name));
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()] as const;
  const [imtcp, imptcp, syslogPort, udpPort] = ports;
  const loopback = 'address="127.0.0.1"';
  writeFileSync(
    config as string,
    `${tls === undefined ? plainModules(directory) : tlsModules(directory, tls)}
template(name="raw" type="string" string="%rawmsg%\\n")
template(name="parts" type="string" string="%syslogseverity% %syslogfacility-text% %timestamp:::date-rfc3339% %hostname% %app-name% %procid% %msgid% %msg%\\n")
ruleset(name="json") { action(type="omfile" file="${jsonFile}" template="raw") }
ruleset(name="syslog") { action(type="omfile" file="${syslogFile}" template="parts") }
input(type="imtcp" ${loopback} port="${imtcp}" ruleset="json")
input(type="imtcp" ${loopback} port="${syslogPort}" ruleset="syslog")
${
  tls === undefined
    ? `input(type="imptcp" ${loopback} port="${imptcp}" ruleset="json")
input(type="imudp" ${loopback} port="${udpPort}" ruleset="syslog")`
    : ''
}
`,
  );
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(program, ['-n', '-f', config as string, '-i', join(directory, 'pid')], { stdio: 'ignore' });
    running.add(child);
    const listening = tls === undefined ? [imtcp, imptcp, syslogPort] : [imtcp, syslogPort];
    for (const port of listening) await until(`rsyslogd on port ${port}`, () => accepts(port));
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

function plainModules(directory: string): string {
  return `global(workDirectory="${directory}" maxMessageSize="64k")
module(load="imtcp")
module(load="imptcp")
module(load="imudp")`;
}

function tlsModules(directory: string, { driver, ca, cert, key, permittedPeer }: RsyslogTls): string {
  return `global(workDirectory="${directory}" maxMessageSize="64k" DefaultNetstreamDriver="${driver}"
  DefaultNetstreamDriverCAFile="${ca}" DefaultNetstreamDriverCertFile="${cert}" DefaultNetstreamDriverKeyFile="${key}")
module(load="imtcp" StreamDriver.Name="${driver}" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name" PermittedPeer="${permittedPeer}")`;
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
