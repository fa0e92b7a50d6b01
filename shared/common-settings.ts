import { homedir } from 'node:os';
import { join } from 'node:path';
import { LOG_LEVELS } from './log.ts';
import { withoutQueryValues } from './redaction.ts';
import { choiceSetting, listSetting, optionalSetting, SettingError, setting } from './settings.ts';

/** What every daemon takes. */
export const commonSettings = {
  etcd: listSetting({
    flag: 'etcd',
    placeholder: 'URL[,URL]',
    help: 'Endpoints of etcd. Name every member: calls move to the next when one is away.',
    defaultText: 'http://127.0.0.1:2379; the embedded store in `up`',
    read: readEndpoint,
    absent: (): readonly string[] => [],
  }),
  etcdUser: optionalSetting({
    flag: 'etcd-user',
    placeholder: 'NAME',
    help: 'User of etcd, with --etcd-password-file. Client certificates survive a reconnect better than a password token.',
    defaultText: 'none',
  }),
  etcdPasswordFile: optionalSetting({
    flag: 'etcd-password-file',
    placeholder: 'FILE',
    help: 'File that holds the password of --etcd-user.',
    defaultText: 'none',
  }),
  etcdCa: optionalSetting({
    flag: 'etcd-ca',
    placeholder: 'FILE',
    help: 'PEM certificate authority of etcd, for https endpoints.',
    defaultText: "the system's",
  }),
  etcdCert: optionalSetting({
    flag: 'etcd-cert',
    placeholder: 'FILE',
    help: 'PEM client certificate for etcd, with --etcd-key.',
    defaultText: 'none',
  }),
  etcdKey: optionalSetting({
    flag: 'etcd-key',
    placeholder: 'FILE',
    help: 'PEM key of --etcd-cert.',
    defaultText: 'none',
  }),
  prefix: setting({
    flag: 'prefix',
    placeholder: 'PATH',
    help: 'Where the names live in the store. The announcers and the resolvers of one installation share it.',
    defaultText: '/skydns',
    bounds: 'begins with /, does not end with it',
    read: readPrefix,
    absent: () => '/skydns',
  }),
  dataDir: setting({
    flag: 'data-dir',
    placeholder: 'DIR',
    help: 'Journal, snapshots and the embedded store. Losing it loses the history and the hand-over of leases, no name.',
    defaultText: '/var/lib/rollcall as root, else ~/.local/state/rollcall',
    read: (text) => text,
    absent: () => (process.getuid?.() === 0 ? '/var/lib/rollcall' : join(homedir(), '.local', 'state', 'rollcall')),
  }),
  logLevel: choiceSetting({
    flag: 'log-level',
    help: 'Least severity to log. Lines are JSON; coloured sentences on a terminal.',
    choices: LOG_LEVELS,
    default: 'info',
  }),
};

function readEndpoint(text: string): string {
  // Whoever names a user here names a password, too.
  const shown = withoutQueryValues(text.replace(/^(\w*:\/\/)?.*@/, '$1***@'));
  const refuse = (problem: string): never => {
    throw new SettingError(problem, { shown });
  };
  if (!/^https?:\/\//i.test(text)) refuse(`has no scheme; write http://${shown}`);
  if (!URL.canParse(text)) refuse('is no URL; write http://127.0.0.1:2379');
  const { pathname, username, password, search, hash } = new URL(text);
  if (pathname !== '/' || `${username}${password}${search}${hash}` !== '') {
    refuse('must be scheme, host and port only; a user goes in --etcd-user and --etcd-password-file');
  }
  // As typed: URL leaves out the port that is usual for the scheme, and etcd's usual one is another.
  return text.replace(/\/$/, '');
}

function readPrefix(text: string): string {
  if (!/^(\/[^/]+)+$/.test(text)) {
    throw new SettingError('must begin with /, not end with it, and have no empty segment, as /skydns');
  }
  return text;
}
