/** @file `earshot zero-shot train`: a model of classes that there is no clip of. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { ZeroShotTrainOptions } from '../../workflows/zeroShotTrain.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { addFrozenSource, embeddingSource, type SourceOptions, scalingOption } from '../embeddingSource.ts';
import { choiceOption, names } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions, SourceOptions {
  classVectors: string;
  classes?: string[];
  model?: ZeroShotTrainOptions['method'];
  scaling?: ZeroShotTrainOptions['scaling'];
  output: string;
  subset?: 'esc10';
  seed: number;
}

export function addZeroShotTrain(zeroShot: Command, context: Context): void {
  const command = zeroShot
    .command('train')
    .description('fit to clips of some classes, and leave a model of others, known by their class vectors')
    .argument('<dataset>', "clips of the seen classes: folder of a dataset, a CSV manifest, or 'demo'")
    .addOption(
      new Option(
        '--class-vectors <file>',
        'CSV table of attributes or .npz archive, with the seen classes and those to recognise',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--classes <names>',
        'the classes of the model (default: those with a vector that the dataset does not have)',
      ).argParser(names),
    )
    .addOption(
      choiceOption('--model <name>', 'zero-shot model (default: eszsl)', [
        'eszsl',
        'attribute-regression',
        'conse',
        'ale',
      ]),
    )
    .addOption(scalingOption())
    .addOption(new Option('-o, --output <file>', 'where the model goes').makeOptionMandatory())
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(seedOption('everything random'));
  addFrozenSource(command);
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot zero-shot train UrbanSound8K --network mfcc --class-vectors my-classes.csv -o new-classes.onnx
  earshot zero-shot train UrbanSound8K --network yamnet --weights yamnet.onnx --class-vectors esc50 \\
    --classes chainsaw,rain,rooster -o other-sounds.onnx
  earshot classify new-classes.onnx street.wav`,
  );
  command.action(async (dataset: string, options: Options) => {
    const source = embeddingSource(options);
    if (source.kind !== 'frozen') throw new UsageError('zero-shot train takes a frozen network.');
    const { zeroShotTrain } = await import('../../workflows/zeroShotTrain.ts');
    const { classVectors, classes, model, scaling, subset, seed, output } = options;
    const { embedder, pooling } = source;
    const outcome = await withHooks(context, options, (hooks) =>
      zeroShotTrain({
        ...hooks,
        ...{ dataset, subset, embedder, pooling, classVectors, classes, method: model, scaling, seed },
        out: output,
      }),
    );
    const { out } = context.terminal;
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    const { printFailures, printNotices } = await import('../printEvaluation.ts');
    out.line(`Learnt from ${outcome.clips} clips of ${outcome.seen.join(', ')}`);
    out.line(`Recognises ${outcome.classes.join(', ')}, by ${outcome.method}`);
    printFailures(outcome.failures, context.terminal);
    printNotices(outcome.notices, context.terminal);
    out.line(`\nModel:   ${outcome.output}`);
    out.line(`Use it:  earshot classify ${outcome.output} FILE`);
  });
}
