/** @file What every command is given, and the options several of them share. */
import { type Command, Option } from 'commander';
import type { Notice } from '../core/index.ts';
import { printable } from '../core/printable.ts';
import type { WorkflowHooks } from '../workflows/hooks.ts';
import { catchInterrupts, type Interruption } from './interrupt.ts';
import { choiceOption, wholeNumber } from './optionValues.ts';
import { type ProgressDisplay, progressDisplay } from './progress.ts';
import type { Terminal } from './terminal.ts';

export interface Context {
  readonly terminal: Terminal;
  /** The words of the command line. */
  readonly words: readonly string[];
  setExitCode(code: number): void;
}

export interface SharedOptions {
  json?: boolean;
  threads?: number;
  quiet?: boolean;
  cache?: string;
  device?: WorkflowHooks['device'];
}

/**
 * Adds `--json`, `--threads`, `--quiet`, for commands that extract features `--cache`, and for those that run networks
 * `--device`.
 */
export function addSharedOptions(command: Command, { cache = false, device = false } = {}): Command {
  const group = 'General:';
  const add = (option: Option) => command.addOption(option.helpGroup(group));
  add(new Option('--json', 'print the result as one JSON document on stdout'));
  add(
    new Option('--threads <n>', 'processor threads to use (default: all)').argParser(
      wholeNumber({ min: 1, max: 1024 }),
    ),
  );
  if (device) {
    add(
      choiceOption('--device <name>', 'where networks run; auto takes what starts (default: cpu)', [
        'cpu',
        'cuda',
        'webgpu',
        'auto',
      ]),
    );
  }
  if (cache) {
    add(
      new Option('--cache <dir>', 'where extracted features are kept')
        .env('EARSHOT_CACHE')
        .default(undefined, '.earshot/cache'),
    );
  }
  add(new Option('--quiet', 'no progress on stderr'));
  return command;
}

export function seedOption(use: string): Option {
  return new Option('--seed <n>', `seed of ${use}`)
    .argParser(wholeNumber({ min: 0, max: 2 ** 32 - 1 }))
    .default(0);
}

/** The hooks a workflow takes, tied to this terminal. */
export interface Hooks {
  readonly signal: AbortSignal;
  readonly onProgress: ProgressDisplay['onProgress'];
  readonly onNotice: (notice: Notice) => void;
  readonly threads?: number;
  readonly cacheDir?: string;
  readonly device?: WorkflowHooks['device'];
}

/** A notice on one line, whatever names it tells of. */
export function noticeText({ subject, message }: Notice): string {
  return printable(subject === '' || message.includes(subject) ? message : `${subject}: ${message}`);
}

/** Tells on stderr what became of files that failed; a hint is told once, however many files it is about. */
export function failureTeller(
  colours: Terminal['err']['colours'],
  note: (line: string) => void,
  what: string,
) {
  const told = new Set<string>();
  return ({ message, hint }: { readonly message: string; readonly hint?: string }): void => {
    note(`${colours.red(`${what}:`)} ${message}`);
    if (hint === undefined || told.has(hint)) return;
    told.add(hint);
    note(`${colours.cyan('Hint:')} ${hint}`);
  };
}

/** Runs `work` with progress on stderr and Ctrl-C caught. */
export async function withHooks<T>(
  { terminal: { err } }: Context,
  options: SharedOptions,
  work: (hooks: Hooks, display: ProgressDisplay) => Promise<T>,
): Promise<T> {
  const display = await progressDisplay(err, { quiet: options.quiet });
  const interruption: Interruption = catchInterrupts(
    () => display.note('Stopping; what is done is kept. Press Ctrl-C again to end at once.'),
    () => display.stop(),
  );
  try {
    const hooks: Hooks = {
      signal: interruption.signal,
      onProgress: display.onProgress,
      onNotice: (notice) => display.note(`${err.colours.yellow('Note:')} ${noticeText(notice)}`),
      threads: options.threads,
      cacheDir: options.cache,
      device: options.device,
    };
    return await work(hooks, display);
  } finally {
    display.stop();
    interruption.release();
  }
}
