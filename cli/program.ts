import { CommanderError, type Option, Command as Parser } from 'commander';
import { type GivenFlags, readSettings, type Setting, variableOf } from '../shared/settings.ts';
import { VERSION } from '../shared/version.ts';
import { type Command, EXIT_OK, EXIT_USAGE } from './command.ts';
import { complain, complainOfSettings } from './output.ts';

/** Parses the command line and runs the command it names. @returns the exit code */
export async function runProgram(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  let refusal = '';
  const program = new Parser('rollcall')
    .description('Names for containers that do not lie: keeps SkyDNS records true, and answers DNS from them.')
    .version(VERSION, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('(rollcall --help lists every command)')
    .exitOverride()
    // Held back: there may be more to say. Commands have this from here.
    .configureOutput({
      writeErr: (text) => {
        refusal += text;
      },
    })
    .addHelpText('after', '\nEach command has its own --help, with every setting, its default and its trade-off.');
  for (const command of commands) {
    const parser = program
      .command(command.name)
      .summary(command.summary)
      .description(command.description ?? command.summary)
      .helpOption('-h, --help', 'Print this help.')
      .showHelpAfterError(`(rollcall ${command.name} --help lists every setting)`)
      .exitOverride()
      .configureHelp({ helpWidth: 110, formatItem: formatItem });
    for (const argument of command.arguments) {
      const name = argument.variadic === true ? `${argument.name}...` : argument.name;
      parser.argument(argument.required ? `<${name}>` : `[${name}]`, argument.help);
    }
    for (const setting of Object.values(command.settings)) addOption(parser, setting);
    if (command.examples.length > 0) {
      parser.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`);
    }
    parser.action(async (...args: unknown[]) => {
      const problems = argumentProblems(command, args as ArgumentText[]);
      for (const problem of problems) complain(`${command.name}: ${problem}`);
      if (problems.length > 0) {
        exitCode = EXIT_USAGE;
        return;
      }
      exitCode = await command.run({
        arguments: args.slice(0, command.arguments.length).flat() as (string | undefined)[],
        flags: flagsOf(command, parser),
        environment: process.env,
      });
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end with 0.
    if (error.exitCode === 0) return EXIT_OK;
    const [name, ...words] = argv;
    const command = commands.find((each) => each.name === name);
    const problems = command === undefined ? [] : lineProblems(command, words, error);
    if (command !== undefined && problems.length > 1) return complainOfSettings(command.name, problems);
    process.stderr.write(refusal);
    return EXIT_USAGE;
  }
}

/** commander stops at the first fault: this is all that is wrong with the words of a command, and with what its flags say. */
function lineProblems(command: Command, words: readonly string[], first: CommanderError): readonly string[] {
  const unknown = unknownFlags(command, words);
  const known = flagsAlone(
    command,
    words.filter((_word, at) => !unknown.has(at)),
  );
  // Words that seem too many may be the values of flags that there are not.
  const other = unknown.size === 0 ? first : known.error;
  const read = readSettings(command.settings, known.flags, process.env);
  return [...unknown.values(), ...(other === undefined ? [] : [textOf(other)]), ...(read.ok ? [] : read.problems)];
}

/** By their place among the words, and with what commander says of each. */
function unknownFlags(command: Command, words: readonly string[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string;
    if (word === '--') break;
    const setting = Object.values(command.settings).find(({ flag }) => word === `--${flag}`);
    if (setting !== undefined) {
      if (setting.placeholder !== '') at += 1; // its value, whatever that looks like
      continue;
    }
    const { error } = flagsAlone(command, [word]);
    if (error?.code === 'commander.unknownOption') found.set(at, textOf(error));
  }
  return found;
}

/** What the flags among some words are, and what is wrong with one of them. */
function flagsAlone(
  command: Command,
  words: readonly string[],
): { readonly flags: GivenFlags; readonly error: CommanderError | undefined } {
  const parser = new Parser(command.name).exitOverride().configureOutput({ writeErr: nowhere, writeOut: nowhere });
  for (const setting of Object.values(command.settings)) addOption(parser, setting);
  let error: CommanderError | undefined;
  try {
    parser.allowExcessArguments().parse(words, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    error = thrown;
  }
  return { flags: flagsOf(command, parser), error };
}

/** `error: unknown option '--htp'`, and on the next line what may have been meant. */
function textOf({ message }: CommanderError): string {
  return message.replace(/^error: /, '').replaceAll('\n', ' ');
}

const nowhere = (): void => undefined;

type ArgumentText = string | readonly string[] | undefined;

/** Of several words of one argument, the first is what is run; the others are its own. */
function argumentProblems(command: Command, given: readonly ArgumentText[]): string[] {
  return command.arguments.flatMap(({ name, required, isName }, at) => {
    const text = [given[at]].flat()[0];
    if (text === '') return [`<${name}> is empty; ${required ? 'give one' : 'give one, or leave it out'}`];
    if (isName !== true || text === undefined || !/\s/.test(text)) return [];
    return [`${JSON.stringify(text)} has a blank, and no name has one; give one name`];
  });
}

function addOption(parser: Parser, setting: Setting<unknown>): void {
  const limits = setting.bounds === '' ? '' : ` Bounds: ${setting.bounds}.`;
  const help = `${setting.help} Default: ${setting.defaultText}.${limits} [${variableOf(setting)}]`;
  if (setting.placeholder === '') {
    parser.option(`--${setting.flag}`, help);
  } else if (setting.repeatable) {
    const collect = (text: string, earlier: string[] | undefined): string[] => [...(earlier ?? []), text];
    parser.option(`--${setting.flag} <${setting.placeholder}>`, help, collect);
  } else {
    parser.option(`--${setting.flag} <${setting.placeholder}>`, help);
  }
}

/** The term on a line of its own and the sentences below it: flags are too long for two columns. */
function formatItem(term: string, _termWidth: number, description: string): string {
  if (description === '') return `  ${term}`;
  const lines: string[] = [];
  let line = '';
  for (const word of description.split(' ')) {
    if (line.length + word.length > 96 && line !== '') {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  lines.push(line);
  return [`  ${term}`, ...lines.map((each) => `        ${each}`)].join('\n');
}

function flagsOf(command: Command, parser: Parser): Record<string, string | string[] | boolean | undefined> {
  return Object.fromEntries(
    Object.values(command.settings).map(({ flag }) => {
      const option = parser.options.find(({ long }) => long === `--${flag}`);
      return [flag, option === undefined ? undefined : textsOf(option, parser)];
    }),
  );
}

/** commander takes `--no-x` for what turns an option `x` off, and says that `x` is on until it is given. */
function textsOf(option: Option, parser: Parser): string | string[] | boolean | undefined {
  const value: unknown = parser.getOptionValue(option.attributeName());
  if (option.negate) return value === false ? true : undefined;
  return value as string | string[] | boolean | undefined;
}
