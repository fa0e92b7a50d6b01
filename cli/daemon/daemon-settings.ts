import type { HostPort } from '../../shared/address.ts';
import { commonSettings } from '../../shared/common-settings.ts';
import { readAs, type Setting, setting } from '../../shared/settings.ts';

/** For the descriptions of the commands that keep names. */
export const SIGNALS_HELP =
  'SIGTERM and SIGINT withdraw every name and end it, SIGUSR2 leaves the names to the next process; SIGHUP, as of a terminal that closes, ends nothing, and makes file sinks open their file anew.';

/** What every daemon takes, with its own default port for HTTP. */
export function daemonSettings(httpPort: number): typeof commonSettings & { http: Setting<HostPort> } {
  const standard: HostPort = { host: '127.0.0.1', port: httpPort };
  return {
    ...commonSettings,
    http: setting({
      flag: 'http',
      placeholder: 'ADDRESS:PORT',
      help: 'Serve /health, /ready, /metrics and /v1 here. Whoever reaches it can read every name and its history.',
      defaultText: `127.0.0.1:${httpPort}`,
      read: (text) => readAs.hostPort(text, httpPort),
      absent: () => standard,
    }),
  };
}
