/** @file The options that say where the numbers of a clip come from: a frozen network, or one trained for each split. */
import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { EmbeddingSource } from '../workflows/zeroShotEvaluate.ts';
import { approachNames } from './commands/train.ts';
import { addEmbedderOptions, type EmbedderOptions, embedderChoice } from './embedderOptions.ts';
import { choiceOption, wholeNumber } from './optionValues.ts';

export interface SourceOptions extends Partial<EmbedderOptions> {
  pooling?: 'mean' | 'mean-deviation' | 'max';
  train?: string;
  epochs?: number;
}

/** The options of a frozen network. */
export function addFrozenSource(command: Command): void {
  addEmbedderOptions(command, {
    optional: 'a network here, mfcc, an ONNX model, or a model.onnx that earshot train wrote',
  });
  const add = (option: Option) => command.addOption(option.helpGroup('Embedding:'));
  add(
    choiceOption('--pooling <kind>', "one vector from those of a clip's windows (default: mean)", [
      'mean',
      'mean-deviation',
      'max',
    ]),
  );
}

/** The same, or a network that is trained for each split. */
export function addSourceOptions(command: Command): void {
  addFrozenSource(command);
  const add = (option: Option) => command.addOption(option.helpGroup('Embedding:'));
  add(
    choiceOption('--train <approach>', 'train this on the seen classes, instead of --network', approachNames),
  );
  add(new Option('--epochs <n>', 'passes over the clips for --train').argParser(wholeNumber({ min: 1 })));
}

/** @throws {UsageError} when neither or both are named */
export function embeddingSource(options: SourceOptions): EmbeddingSource {
  const { network, train, epochs, pooling } = options;
  if ((network === undefined) === (train === undefined)) {
    throw new UsageError(
      network === undefined
        ? 'Nothing says where the numbers of a clip come from.'
        : 'Either --network or --train is meant, not both.',
      {
        hint: 'Name a frozen network, such as --network mfcc, or train one for every split with --train cnn.',
      },
    );
  }
  if (network !== undefined) {
    if (epochs !== undefined)
      throw new UsageError('--epochs is for --train; a frozen network is not trained.', {
        hint: 'Leave it out.',
      });
    const embedder = embedderChoice({ ...options, network });
    return { kind: 'frozen', embedder, ...(pooling === undefined ? {} : { pooling }) };
  }
  const { embedding, ...rest } = embedderChoice({ ...options, network: '' });
  const set = Object.entries({ embedding, ...rest, pooling }).find(
    ([name, value]) => name !== 'network' && name !== 'weights' && value !== undefined,
  );
  if (set !== undefined)
    throw new UsageError(`The setting ${set[0]} is for --network, not for --train.`, {
      hint: 'Leave it out.',
    });
  const { weights } = options;
  return {
    kind: 'trained',
    approach: train!,
    overrides: { ...(epochs === undefined ? {} : { epochs }), ...(weights === undefined ? {} : { weights }) },
  };
}

/** What is known of the classes, for the commands that leave some of them out. */
export function classVectorsOption(): Option {
  return new Option(
    '--class-vectors <file>',
    'what is known of each class: a CSV table of attributes, an .npz archive of arrays by class, or a table here, ' +
      'urbansound8k or esc50 (default: prompts with --network clap, else the table here that knows the classes)',
  );
}

/** How class vectors are scaled, for every command that takes some. */
export function scalingOption(): Option {
  return choiceOption('--scaling <kind>', 'how class vectors are brought to one scale (default: centred)', [
    'centred',
    'length',
    'none',
  ]);
}
