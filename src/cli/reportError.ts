/** @file Errors as the user meets them: a sentence, a hint, an exit code; the stack only on request. */
import type { CommanderError } from 'commander';
import { companionOf } from '../core/alongside.ts';
import { EarshotError } from '../core/errors.ts';
import { systemCode, systemHint } from '../core/systemErrors.ts';
import { exitCodes } from './exitCodes.ts';
import { type Terminal, writeJsonLine } from './terminal.ts';

interface Told {
  code: string;
  message: string;
  hint: string | undefined;
  exitCode: number;
}

/** Wrong usage found by commander, with the command it was found in. */
export class CommandLineError extends Error {
  readonly commander: CommanderError;
  readonly helpCommand: string;

  constructor(commander: CommanderError, helpCommand: string) {
    super(commander.message, { cause: commander });
    this.commander = commander;
    this.helpCommand = helpCommand;
  }
}

/** Prints the error and returns the exit code. With `json`, stdout gets it as its one document. */
export function reportError(error: unknown, terminal: Terminal, { json }: { json: boolean }): number {
  const { code, message, hint, exitCode } = understand(error);
  const { err, out } = terminal;
  const companion = error instanceof Error ? companionOf(error) : undefined;
  err.line(`${err.colours.red(exitCode === exitCodes.cancelled ? 'Stopped:' : 'Error:')} ${message}`);
  if (hint !== undefined) err.line(`${err.colours.cyan('Hint:')} ${hint}`);
  if (process.env['EARSHOT_DEBUG'] && error instanceof Error) {
    err.line(stackOf(error));
    if (companion !== undefined) err.line(`Besides: ${stackOf(companion)}`);
  }
  if (json) writeJsonLine(out, { error: { code, message, hint: hint ?? null } });
  return exitCode;
}

function understand(error: unknown): Told {
  if (error instanceof CommandLineError) return usage(error);
  if (error instanceof EarshotError) {
    return { code: error.code, message: error.message, hint: error.hint, exitCode: exitCodeOf(error) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: systemCode(error) ?? 'INTERNAL',
    message: /[.!?]$/.test(message) ? message : `${message}.`,
    hint: systemHint(error) ?? 'Set EARSHOT_DEBUG=1 to see where this happened.',
    exitCode: exitCodes.failure,
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function exitCodeOf({ code }: EarshotError): number {
  if (code === 'CANCELLED') return exitCodes.cancelled;
  // A value out of range came from an option: wrong usage too.
  return code === 'USAGE' || code === 'PARAMETER' ? exitCodes.usage : exitCodes.failure;
}

/** Commander writes "error: sentence" and sometimes "(Did you mean …?)" on the next line. */
function usage({ commander, helpCommand }: CommandLineError): Told {
  const [first = '', ...rest] = commander.message.replace(/^error: /, '').split('\n');
  const sentence = first.charAt(0).toUpperCase() + first.slice(1);
  const guess = rest.join(' ').replace(/[()]/g, '').trim();
  return {
    code: 'USAGE',
    message: /[.!?]$/.test(sentence) ? sentence : `${sentence}.`,
    hint: `${guess === '' ? '' : `${guess} `}See ${helpCommand}.`,
    exitCode: exitCodes.usage,
  };
}
