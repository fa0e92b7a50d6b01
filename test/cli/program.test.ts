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
