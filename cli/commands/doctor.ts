import { existsSync, readFileSync } from 'node:fs';
import { announcerConfig, announcerSettings } from '../../announcer/config.ts';
import { findHost } from '../../announcer/host/host.ts';
import { claimKeyOf } from '../../announcer/keys/host-claim.ts';
import { resolverConfig, resolverSettings } from '../../resolver/config.ts';
import { systemCalls } from '../../resolver/serving/udp/system-calls.ts';
import { causesKeyOf } from '../../shared/causes.ts';
import { StartError } from '../../shared/component.ts';
import { keyOf } from '../../shared/name.ts';
import { readSettings, switchSetting } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import { type Command, EXIT_FAILED, EXIT_OK } from '../command.ts';
import { daemonSettings } from '../daemon/daemon-settings.ts';
import { readEtcdAccess } from '../daemon/etcd-access.ts';
import { checkData } from '../doctor/data.ts';
import { checkDocker } from '../doctor/docker.ts';
import { checkEtcd } from '../doctor/etcd.ts';
import { type Finding, fine, wrong } from '../doctor/finding.ts';
import { checkHost } from '../doctor/host.ts';
import { checkPorts } from '../doctor/ports.ts';
import { resolvConfFindings } from '../doctor/resolv-conf.ts';
import { udpFindings } from '../doctor/udp.ts';
import { complainOfSettings, print } from '../output.ts';

const settings = {
  ...announcerSettings,
  ...resolverSettings,
  ...daemonSettings(8053),
  json: switchSetting({ flag: 'json', help: 'Print JSON, for programs.' }),
};

const RESOLV_CONF = '/etc/resolv.conf';
const RESOLV_CONF_BEHIND_STUB = '/run/systemd/resolve/resolv.conf';
/** Before the first version: a machine without a battery starts in 1970. */
const YEAR_MIN = 2026;

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Look at what rollcall needs here, and say what to do about what is missing',
  description:
    'Looks at the Docker socket, etcd (with --etcd), the addresses of this host, the clock, the ports to listen on, how UDP is read, /etc/resolv.conf and the data directory, with the settings of `rollcall up`, and says what to do for each. Changes nothing. Ends with 0 when all is fine (hints aside), 1 when something is wrong.',
  arguments: [],
  settings,
  examples: ['rollcall doctor', 'rollcall doctor --etcd http://127.0.0.1:2379 --listen 127.0.0.1:53 --json'],
  run: async ({ flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    const { values } = read;
    const problems: string[] = [];
    const access = readEtcdAccess(values, problems);
    const announcer = announcerConfig(values);
    const resolver = resolverConfig(values, values.domain);
    if (!announcer.ok) problems.push(...announcer.problems);
    if (!resolver.ok) problems.push(...resolver.problems);
    if (!read.ok || !announcer.ok || !resolver.ok || problems.length > 0)
      return complainOfSettings('doctor', allProblems(read, problems));
    const { domain, prefix } = announcer.config;
    const domainPrefix = `${keyOf(domain, prefix) ?? prefix}/`;
    const host = hostNameOf(announcer.config);
    const [claimKey, causesKey] = [claimKeyOf(host), causesKeyOf(host)];
    const { listen, zones, forward, udpBatch } = resolver.config;
    const findings = [
      ...(await checkDocker(announcer.config.docker)),
      ...(values.etcd.length === 0
        ? [fine('etcd', 'none is named: `rollcall up` uses its embedded store; give --etcd to have it looked at')]
        : await checkEtcd({ endpoints: values.etcd, access, domainPrefix, claimKey, causesKey })),
      ...checkHost(announcer.config),
      checkClock(Date.now()),
      ...(await checkPorts(listen, values.http)),
      ...udpFindings(udpBatch, systemCalls(udpBatch)),
      ...resolvConfFindings({
        text: textOf(RESOLV_CONF),
        behindStub: textOf(RESOLV_CONF_BEHIND_STUB),
        listen,
        forward,
        zones,
      }),
      ...(await checkData(values.dataDir)),
    ];
    print(values.json ? JSON.stringify({ findings }) : describe(findings));
    return findings.some(({ status }) => status === 'wrong') ? EXIT_FAILED : EXIT_OK;
  },
};

function checkClock(nowMs: number): Finding {
  const now = new Date(nowMs);
  const says = `this machine's clock says ${now.toISOString()}`;
  if (now.getUTCFullYear() >= YEAR_MIN) return fine('clock', says);
  return wrong('clock', says, 'set it, and let it follow NTP: histories carry its times, and TLS certificates need it');
}

function hostNameOf(config: Parameters<typeof findHost>[0]): string {
  try {
    return findHost(config).name;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return config.hostName ?? 'unknown'; // the look at the host says what is wrong with it
  }
}

function textOf(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined; // not to be read: told as such
  }
}

function describe(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, status, says, advice }) => [
    `${status.padEnd(5)}  ${about.padEnd(width)}  ${says}`,
    ...(advice === undefined ? [] : [`${' '.repeat(width + 9)}→ ${advice}`]),
  ]);
  const count = findings.filter(({ status }) => status === 'wrong').length;
  return [
    ...lines,
    count === 0 ? 'nothing is wrong' : `${count} ${count === 1 ? 'thing is' : 'things are'} wrong`,
  ].join('\n');
}
