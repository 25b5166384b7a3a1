/** @file Entry of the command line: parse, run one command, turn what happened into an exit code. */
import { CommanderError } from 'commander';
import { exitCodes } from './exitCodes.ts';
import { makeProgram } from './program.ts';
import { CommandLineError, reportError } from './reportError.ts';
import { openTerminal } from './terminal.ts';

/** Runs `earshot` with the given words and sets the exit code of the process. */
export async function main(words: readonly string[]): Promise<void> {
  const terminal = openTerminal();
  const exitCode = await run(words, terminal);
  process.exitCode = exitCode;
  // Nothing should be left running; if something is, the command ends all the same.
  setTimeout(() => process.exit(exitCode), 3000).unref();
}

async function run(words: readonly string[], terminal: ReturnType<typeof openTerminal>): Promise<number> {
  let exitCode: number = exitCodes.success;
  const program = makeProgram({
    terminal,
    words,
    setExitCode(code) {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    const commander = error instanceof CommandLineError ? error.commander : null;
    if (commander instanceof CommanderError) {
      if (commander.exitCode === 0) return exitCodes.success;
      // Help shown because nothing was asked for.
      if (commander.code === 'commander.help') return exitCodes.usage;
    }
    const end = words.indexOf('--');
    return reportError(error, terminal, {
      json: words.slice(0, end < 0 ? undefined : end).includes('--json'),
    });
  }
}
