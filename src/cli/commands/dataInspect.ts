/** @file `earshot data inspect`: what is in a dataset and what is wrong with it. */
import type { Command } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { choiceOption, number, wholeNumber } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  subset?: 'esc10';
  decode: boolean;
  most: number;
  nearDuplicates?: string[];
  similarity?: number;
  correlation?: number;
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
  command
    .option(
      '--near-duplicates <index...>',
      "find the same sound under different recordings, by the dataset's index (earshot index); further indexes are compared with it",
    )
    .option(
      '--similarity <x>',
      'least cosine of embeddings for waveforms to be compared (default: 0.95)',
      number({ min: 0, max: 1, above: true }),
    )
    .option(
      '--correlation <x>',
      'least correlation of waveforms that is the same sound (default: 0.5)',
      number({ min: 0, max: 1, above: true }),
    );
  addSharedOptions(command, { cache: true }).addHelpText(
    'after',
    `
Examples:
  earshot data inspect UrbanSound8K
  earshot data inspect recordings/ --json > inspection.json
  earshot data inspect manifest.csv --no-decode
  earshot data inspect UrbanSound8K --near-duplicates indexes/urban`,
  );
  command.action(async (dataset: string, options: Options) => {
    const { nearDuplicates: indexes, similarity, correlation } = options;
    if (indexes === undefined && (similarity ?? correlation) !== undefined) {
      const name = similarity === undefined ? '--correlation' : '--similarity';
      throw new UsageError(`${name} is about --near-duplicates, which was not given.`, {
        hint: 'Add --near-duplicates with the folder of an index.',
      });
    }
    const { inspect } = await import('../../workflows/inspect.ts');
    const { inspection, text } = await withHooks(context, options, (hooks) =>
      inspect({
        ...hooks,
        dataset,
        subset: options.subset,
        decode: options.decode,
        most: options.most,
        nearDuplicates: indexes === undefined ? undefined : { indexes, similarity, correlation },
      }),
    );
    const { out } = context.terminal;
    if (options.json) writeJsonLine(out, inspection);
    else out.write(text);
  });
}
