import { CommanderError, type Option, Command as Parser } from 'commander';
import { type Setting, variableOf } from '../shared/settings.ts';
import { VERSION } from '../shared/version.ts';
import { type Command, EXIT_OK, EXIT_USAGE } from './command.ts';
import { complain } from './output.ts';

/** Parses the command line and runs the command it names. @returns the exit code */
export async function runProgram(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  const program = new Parser('rollcall')
    .description('Names for containers that do not lie: keeps SkyDNS records true, and answers DNS from them.')
    .version(VERSION, '--version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .helpCommand(false)
    .showSuggestionAfterError()
    .showHelpAfterError('(rollcall --help lists every command)')
    .exitOverride()
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
    // Help and version end with 0; commander has printed what was wrong otherwise.
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
}

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
