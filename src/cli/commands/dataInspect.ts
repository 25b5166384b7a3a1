/** @file `earshot data inspect`: what is in a dataset and what is wrong with it. */
import type { Command } from 'commander';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { choiceOption, wholeNumber } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  subset?: 'esc10';
  decode: boolean;
  most: number;
}

export function addDataInspect(program: Command, context: Context): void {
  const data = program.command('data').description('look into datasets');
  const command = data
    .command('inspect')
    .description('count classes, folds and recordings; find leaks, duplicates, unreadable and doubtful files')
    .argument('<dataset>', 'folder of UrbanSound8K, ESC-50, ESC-10, a folder per class, or a CSV manifest')
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .option('--no-decode', 'read headers alone: quicker, but silence and damage behind them go unseen')
    .option('--most <n>', 'entries shown of each list', wholeNumber({ min: 0 }), 8);
  addSharedOptions(command).addHelpText(
    'after',
    `
Examples:
  earshot data inspect UrbanSound8K
  earshot data inspect recordings/ --json > inspection.json
  earshot data inspect manifest.csv --no-decode`,
  );
  command.action(async (dataset: string, options: Options) => {
    const { inspect } = await import('../../workflows/inspect.ts');
    const { inspection, text } = await withHooks(context, options, (hooks) =>
      inspect({ ...hooks, dataset, subset: options.subset, decode: options.decode, most: options.most }),
    );
    const { out } = context.terminal;
    if (options.json) writeJsonLine(out, inspection);
    else out.stream.write(text);
  });
}
