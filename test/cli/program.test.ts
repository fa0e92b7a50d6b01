import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command, Given } from '../../cli/command.ts';
import { commands } from '../../cli/commands.ts';
import { runProgram } from '../../cli/program.ts';
import { readSettings, type Setting } from '../../shared/settings.ts';

const test = suite('cli/program');

/** What a command is given for these words; its required arguments are filled in. */
async function givenTo(command: Command, words: readonly string[]): Promise<Given['flags']> {
  let flags: Given['flags'] = {};
  const taking: Command = {
    ...command,
    run: async (given) => {
      flags = given.flags;
      return 0;
    },
  };
  const args = command.arguments.filter(({ required }) => required).map(() => 'x');
  assert.is(await runProgram([taking], [command.name, ...words, ...args]), 0);
  return flags;
}

function settingsOf({ settings }: Command, isSwitch: boolean): Setting<unknown>[] {
  return Object.values(settings).filter(({ placeholder }) => (placeholder === '') === isSwitch);
}

test('each switch of each command is handed over as true when it is given, and not otherwise', async () => {
  for (const command of commands) {
    const none = await givenTo(command, []);
    assert.equal(
      Object.values(none).filter((value) => value !== undefined),
      [],
      command.name,
    );
    for (const { flag } of settingsOf(command, true)) {
      const given = Object.entries(await givenTo(command, [`--${flag}`])).filter(([, value]) => value !== undefined);
      assert.equal(given, [[flag, true]], command.name);
    }
  }
});

test('each other flag is handed over with its text, and one that may be repeated with all', async () => {
  for (const command of commands) {
    for (const { flag, repeatable } of settingsOf(command, false)) {
      const given = await givenTo(command, [`--${flag}`, 'one', `--${flag}`, 'two']);
      assert.equal(given[flag], repeatable ? ['one', 'two'] : 'two', `${command.name} --${flag}`);
    }
  }
});

test('a flag wins over its variable, also one that begins with no-', async () => {
  const resolver = commands.find(({ name }) => name === 'resolver') as Command;
  const { noRotate, noChaos } = resolver.settings as Record<string, Setting<boolean>>;
  if (noRotate === undefined || noChaos === undefined) throw new Error('the resolver has no such switches');
  const environment = { ROLLCALL_NO_ROTATE: 'false', ROLLCALL_NO_CHAOS: 'true' };
  const read = readSettings({ noRotate, noChaos }, await givenTo(resolver, ['--no-rotate']), environment);
  assert.equal(read, { ok: true, values: { noRotate: true, noChaos: true } });
});

/** Runs the command line. @returns the exit code, what was complained of, and whether a command was run */
async function outcomeOf(...argv: string[]): Promise<{ code: number; said: string; isRun: boolean }> {
  const { write } = process.stderr;
  let [said, isRun] = ['', false];
  process.stderr.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof write;
  const run = async (): Promise<number> => {
    isRun = true;
    return 0;
  };
  try {
    const taking = commands.map((command) => ({ ...command, run }));
    return { code: await runProgram(taking, argv), said, isRun };
  } finally {
    process.stderr.write = write;
  }
}

test('all that is wrong with a command line is said at once: unknown flags, values, and what its flags say', async () => {
  const words = [
    'resolver',
    '--wokers',
    '2',
    '--default-ttl=x',
    '--bogus=1',
    '-q',
    '--no-chaos=1',
    '--workers',
    '--listen',
  ];
  const { code, said, isRun } = await outcomeOf(...words);
  assert.equal([code, isRun], [2, false]);
  assert.equal(said.split('\n'), [
    'resolver: configuration has 6 problems',
    "  unknown option '--wokers' (Did you mean --workers?)",
    "  unknown option '--bogus=1'",
    "  unknown option '-q'",
    "  unknown option '--no-chaos=1' (Did you mean --no-chaos?)",
    '  --default-ttl="x": must be 0 to 86400 s, as 90, 90s, 5m or 1h',
    '  --workers="--listen": must be a whole number, 1 to 64',
    '',
  ]);
});

test('a flag without its value, and words that are too many, hide no wrong setting', async () => {
  const lacking = await outcomeOf('resolver', '--bogus', '--workers', '0', '--listen');
  assert.match(
    lacking.said,
    /has 3 problems\n {2}unknown option '--bogus'\n {2}option '--listen <.*' argument missing\n {2}--workers="0"/,
  );
  const many = await outcomeOf('ls', 'web', 'api', '--http', 'here');
  assert.match(many.said, /has 2 problems\n {2}too many arguments for 'ls'.*\n {2}--http="here"/);
  const none = await outcomeOf('explain', '--http', 'here');
  assert.match(none.said, /has 2 problems\n {2}missing required argument 'container or name'\n {2}--http="here"/);
});

test('one fault is told with where to find help, and help is given whatever else is there', async () => {
  for (const [words, said] of [
    [
      ['ls', '--htp', 'x'],
      "error: unknown option '--htp'\n(Did you mean --http?)\n(rollcall ls --help lists every setting)\n",
    ],
    [['frob', '--x'], "error: unknown command 'frob'\n(rollcall --help lists every command)\n"],
    [['--x', 'ls'], "error: unknown option '--x'\n(rollcall --help lists every command)\n"],
  ] as const) {
    assert.equal(await outcomeOf(...words), { code: 2, said, isRun: false });
  }
  assert.is((await outcomeOf('run', '--', 'command', '--bogus', '--other')).isRun, true);
});

test('an argument that is empty is refused, and a name with a blank', async () => {
  for (const { name, arguments: args } of commands) {
    for (const [at, argument] of args.entries()) {
      const words = (text: string): string[] => [name, ...args.slice(0, at).map(() => 'x'), text];
      const others = args.slice(at + 1).flatMap(({ required }) => (required ? ['x'] : []));
      const empty = await outcomeOf(...words(''), ...others);
      assert.equal([empty.code, empty.isRun], [2, false], name);
      assert.match(empty.said, `${name}: <${argument.name}> is empty; give one`);
      const blank = await outcomeOf(...words('my web'), ...others);
      assert.is(blank.isRun, argument.isName !== true, `${name} ${argument.name}`);
      if (blank.isRun) continue;
      assert.is(blank.code, 2);
      assert.is(blank.said, `${name}: "my web" has a blank, and no name has one; give one name\n`);
    }
  }
  assert.is((await outcomeOf('run', '--', 'command', '', 'a b')).isRun, true);
});

test.run();
