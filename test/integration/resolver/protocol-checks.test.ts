/** What others check a name server for, against a resolver process: RFC 8906 §8 with dig, nmap's dns-fuzz, abuse. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { putRecords, type ResolverProcess, startResolverProcess } from '../../support/semantics.ts';
import { type DigAnswer, dig, haveDig } from '../../support/servers/dig.ts';
import { queryOctets, sendUdp } from '../../support/servers/dns-client.ts';
import { type Etcd, haveProgram, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { canUnshare } from '../../support/servers/machine.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const test = suite('integration/protocol-checks');

const ZONE = 'check.test';
const RECORDS = `web.${ZONE} host=10.0.0.1 port=80`;
const FLAGS = ['--prefix', '/skydns', '--zone', ZONE, '--forward', 'none'];
/** Seconds that dns-fuzz runs for. */
const FUZZ_SECONDS = Number(process.env.ROLLCALL_DNS_FUZZ_SECONDS ?? 5);
const INSIDE = 'ROLLCALL_TEST_INSIDE_NAMESPACE';

/** RFC 8906 §8: what dig is given, behind `+norec` and the zone, and what must be seen. */
const CHECKS: readonly {
  readonly section: string;
  readonly ask: readonly string[];
  readonly status?: string;
  readonly sees: (answer: DigAnswer) => boolean;
}[] = [
  { section: '8.1.1 is configured for the zone', ask: ['+noedns', 'soa'], sees: isSoa },
  { section: '8.1.2 unknown type', ask: ['+noedns', 'type1000'], sees: (a) => has(a, 'aa') && a.answer.length === 0 },
  { section: '8.1.3.1 CD set', ask: ['+noedns', '+cd', 'soa'], sees: isSoa },
  { section: '8.1.3.1 CD and AD set', ask: ['+noedns', '+cd', '+ad', 'soa'], sees: (a) => isSoa(a) && !has(a, 'ad') },
  { section: '8.1.3.2 reserved bit', ask: ['+noedns', '+zflag', 'soa'], sees: (a) => isSoa(a) && !/MBZ/.test(a.text) },
  { section: '8.1.3.3 recursion desired', ask: ['+noedns', '+rec', 'soa'], sees: (a) => isSoa(a) && has(a, 'rd') },
  {
    section: '8.1.4 unknown opcode',
    ask: ['+noedns', '+opcode=15', '+header-only'],
    status: 'NOTIMP',
    sees: (a) => a.answer.length === 0 && !has(a, 'aa'),
  },
  { section: '8.1.5 TCP', ask: ['+noedns', '+tcp', 'soa'], sees: isSoa },
  { section: '8.2.1 EDNS', ask: ['+edns=0', 'soa'], sees: (a) => isSoa(a) && isVersion0(a) },
  { section: '8.2.2 EDNS version 1', ask: ['+edns=1', '+noednsneg', 'soa'], status: 'BADVERS', sees: isBadVersion },
  {
    section: '8.2.3 unknown option',
    ask: ['+edns=0', '+ednsopt=100', 'soa'],
    sees: (a) => isSoa(a) && isVersion0(a) && !/OPT=100/.test(a.text),
  },
  {
    section: '8.2.4 unknown flags',
    ask: ['+edns=0', '+ednsflags=0x40', 'soa'],
    sees: (a) => isSoa(a) && isVersion0(a) && !/MBZ/.test(a.text),
  },
  {
    section: '8.2.5 version 1 with unknown flags',
    ask: ['+edns=1', '+noednsneg', '+ednsflags=0x40', 'soa'],
    status: 'BADVERS',
    sees: (a) => isBadVersion(a) && !/MBZ/.test(a.text),
  },
  {
    section: '8.2.6 version 1 with unknown option',
    ask: ['+edns=1', '+noednsneg', '+ednsopt=100', 'soa'],
    status: 'BADVERS',
    sees: (a) => isBadVersion(a) && !/OPT=100/.test(a.text),
  },
  {
    section: '8.2.7 small buffer',
    ask: ['+dnssec', '+bufsize=512', '+ignore', 'dnskey'],
    sees: (a) => has(a, 'aa') && isVersion0(a),
  },
  { section: '8.2.8 DO', ask: ['+edns=0', '+dnssec', 'soa'], sees: (a) => isSoa(a) && /flags: do;/.test(a.text) },
  {
    section: '8.2.9 version 1 with DO',
    ask: ['+edns=1', '+noednsneg', '+dnssec', 'soa'],
    status: 'BADVERS',
    sees: isBadVersion,
  },
  {
    section: '8.2.10 several known options',
    ask: ['+edns=0', '+cookie', '+nsid', '+expire', '+subnet=0.0.0.0/0', 'soa'],
    sees: (a) => isSoa(a) && isVersion0(a),
  },
];

/** RFC 6891 §6.1.1: an OPT in every response to one; and RFC 7873 §5.2.2, whose cookie has 8 octets or 16 to 40. */
const MALFORMED: readonly (readonly [rule: string, ...ask: string[]])[] = [
  ['a cookie of 3 octets', '+ednsopt=10:aabbcc'],
  ['a cookie of 3 octets, over TCP', '+tcp', '+ednsopt=10:aabbcc'],
];

function has({ flags }: DigAnswer, flag: string): boolean {
  return flags.includes(flag);
}

function isSoa(answer: DigAnswer): boolean {
  return has(answer, 'aa') && answer.answer.length === 1 && / SOA /.test(answer.answer[0] ?? '');
}

function isVersion0({ text }: DigAnswer): boolean {
  return /EDNS: version: 0, /.test(text);
}

function isBadVersion(answer: DigAnswer): boolean {
  return isVersion0(answer) && answer.answer.length === 0;
}

async function metric({ httpPort }: ResolverProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1));
}

async function answers({ server }: ResolverProcess, timeoutMs = 20_000): Promise<boolean> {
  const response = await sendUdp(server, queryOctets({ name: `web.${ZONE}` }), timeoutMs);
  return response?.readUInt16BE(6) === 1;
}

let etcd: Etcd;
let resolver: ResolverProcess;

function declareChecks(): void {
  test.before(async () => {
    etcd = await startEtcd();
    await putRecords(etcd, RECORDS, '/skydns');
    resolver = await startResolverProcess(etcd.url, FLAGS);
  });
  test.after(async () => {
    assert.is(await metric(resolver, 'rollcall_panics_total'), 0, 'answering something threw');
    assert.is(await resolver.end('SIGTERM'), 0);
    await etcd.kill();
  });

  if (haveDig()) {
    for (const { section, ask, status = 'NOERROR', sees } of CHECKS) {
      test(`RFC 8906 ${section}`, async () => {
        const answer = await dig(resolver.server, '+norec', '+noad', ...ask, ZONE);
        assert.is(answer.status, status, answer.text);
        assert.ok(sees(answer), answer.text);
      });
    }
    test('RFC 8945 5.2.1 a key that the server does not know', async () => {
      for (const transport of ['+notcp', '+tcp']) {
        const answer = await dig(resolver.server, transport, '-y', 'hmac-sha256:who.example:c2VjcmV0', 'soa', ZONE);
        assert.is(answer.status, 'NOTAUTH', answer.text);
        assert.match(answer.text, /^who\.example\.\s+0\s+ANY\s+TSIG\s+hmac-sha256\. .* BADKEY 0/m);
      }
    });
    for (const [rule, ...ask] of MALFORMED) {
      test(`RFC 6891 6.1.1 FORMERR with an OPT: ${rule}`, async () => {
        const answer = await dig(resolver.server, '+norec', '+noad', ...ask, 'soa', ZONE);
        assert.is(answer.status, 'FORMERR', answer.text);
        assert.ok(isVersion0(answer), answer.text);
        assert.not.match(answer.text, /noedns/, 'dig takes it for a server without EDNS');
      });
    }
  } else {
    console.log('SKIP integration/protocol-checks RFC 8906: dig is missing; install the package bind9-dnsutils');
  }

  if (haveProgram('nmap')) {
    test(`nmap's dns-fuzz for ${FUZZ_SECONDS} s leaves it answering`, async () => {
      const script = ['--script', '+dns-fuzz', '--script-args', `dns-fuzz.timelimit=${FUZZ_SECONDS}s`];
      const target = ['-sU', '-Pn', '-n', '-p', String(resolver.server.port), resolver.server.host];
      const { stdout } = await run('nmap', [...script, ...target], { timeout: (FUZZ_SECONDS + 300) * 1_000 });
      assert.match(stdout, /dns-fuzz: The server seems impervious to our assault/);
      assert.ok(await answers(resolver));
      assert.ok(
        (await metric(resolver, 'rollcall_dns_request_duration_seconds_count')) > 100,
        'nmap sent next to nothing',
      );
    });
  } else {
    console.log('SKIP integration/protocol-checks dns-fuzz: nmap is missing; install the package nmap');
  }

  if (canUnshare('-n') && haveProgram('ip')) {
    test('rate limiting seen from outside: over the limit half are dropped, half sent back to TCP; TCP is not limited', async () => {
      const { stdout } = await run(
        'unshare',
        ['-n', process.execPath, '--enable-source-maps', fileURLToPath(import.meta.url)],
        {
          env: { ...process.env, [INSIDE]: '1' },
          timeout: 300_000,
        },
      );
      const seen = JSON.parse(/^{.*}$/m.exec(stdout)?.[0] ?? '') as Flood;
      assert.equal(seen.private, { sent: 300, whole: 300, slipped: 0 }, 'a private network is not limited');
      const { sent, whole, slipped } = seen.public;
      assert.ok(whole >= 20 && whole <= 60, `${whole} answered of ${sent} at 20 a second`);
      const over = sent - whole;
      assert.ok(Math.abs(slipped - over / 2) <= 2, `${slipped} of ${over} over the limit went out with TC`);
      assert.ok(seen.tcpAnswered, 'the same client over TCP');
    });
  } else {
    console.log('SKIP integration/protocol-checks rate limiting: needs root, unshare and ip');
  }
}

interface Flood {
  readonly private: Counted;
  readonly public: Counted;
  readonly tcpAnswered: boolean;
}
interface Counted {
  readonly sent: number;
  readonly whole: number;
  readonly slipped: number;
}

/** In a network namespace of its own, where a public address may be ours. */
async function floodInside(): Promise<void> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  await run('ip', ['address', 'add', '198.51.100.7/32', 'dev', 'lo']);
  const inside = await startEtcd();
  await putRecords(inside, RECORDS, '/skydns');
  const limited = await startResolverProcess(inside.url, [...FLAGS, '--rate-limit', '20']);
  const flood = async (from: string): Promise<Counted> => {
    // The system's default holds some 270 answers: with them all under way at once, the rest would be lost here.
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    socket.bind(0, from);
    await once(socket, 'listening');
    const counted = { sent: 300, whole: 0, slipped: 0 };
    socket.on('message', (message: Buffer) => {
      if ((message.readUInt16BE(2) & 0x0200) !== 0) counted.slipped += 1;
      else counted.whole += message.readUInt16BE(6);
    });
    const query = queryOctets({ name: `web.${ZONE}` });
    for (let sent = 0; sent < counted.sent; sent += 1) socket.send(query, limited.server.port, limited.server.host);
    let last = -1;
    let quietLooks = 0;
    await until('the answers to end', async () => {
      const came = counted.whole + counted.slipped;
      quietLooks = came === last && came > 0 ? quietLooks + 1 : 0;
      last = came;
      await wait(100);
      return quietLooks >= 5;
    });
    socket.close();
    return counted;
  };
  const fromPrivate = await flood('127.0.0.1');
  const fromPublic = await flood('198.51.100.7');
  const { stdout } = await run('dig', [
    ...[`@${limited.server.host}`, '-p', String(limited.server.port), '-b', '198.51.100.7', '+tcp', '+short'],
    `web.${ZONE}`,
  ]);
  await limited.end('SIGTERM');
  await inside.kill();
  const seen: Flood = { private: fromPrivate, public: fromPublic, tcpAnswered: stdout.trim() === '10.0.0.1' };
  console.log(JSON.stringify(seen));
}

if (process.env[INSIDE] !== undefined) {
  await floodInside();
} else if (!skipWithoutEtcd('integration/protocol-checks')) {
  declareChecks();
}

test.run();
