/** @file `earshot few-shot`: accuracy over the number of examples per class. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { FewShotOptions } from '../../workflows/fewShot.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import {
  addFrozenSource,
  classVectorsOption,
  embeddingSource,
  type SourceOptions,
  scalingOption,
} from '../embeddingSource.ts';
import { choiceOption, folds, wholeNumber } from '../optionValues.ts';
import { addSentenceOptions, type PromptFlags, promptChoices, promptGroup } from '../promptOptions.ts';
import { datasetName, inRunDirectory } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions, SourceOptions, Pick<PromptFlags, 'labelsFile' | 'template'> {
  classVectors?: string;
  scaling?: FewShotOptions['scaling'];
  shots?: number[];
  novel?: number;
  splits?: number;
  draws?: number;
  subset?: 'esc10';
  out?: string;
  seed: number;
}

export function addFewShot(program: Command, context: Context): void {
  const command = program
    .command('few-shot')
    .description('accuracy over examples per class: from class vectors alone to a classifier of examples')
    .argument('<dataset>', "folder of a dataset, a CSV manifest, or 'demo'")
    .addOption(new Option('--shots <list>', 'examples per class (default: 0,1,2,5,10,20)').argParser(folds))
    .addOption(classVectorsOption())
    .addOption(scalingOption())
    .addOption(
      new Option('--novel <n>', 'novel classes at a time (default: half of all)').argParser(
        wholeNumber({ min: 2 }),
      ),
    )
    .addOption(
      new Option('--splits <n>', 'random divisions of all classes (default: 5)').argParser(
        wholeNumber({ min: 1 }),
      ),
    )
    .addOption(
      new Option('--draws <n>', 'draws of examples in each division (default: 10)').argParser(
        wholeNumber({ min: 1, max: 10000 }),
      ),
    )
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(new Option('--out <dir>', 'folder of the results (default: runs/<dataset>-few-shot-<n>)'))
    .addOption(seedOption('everything random: divisions, recordings, examples'));
  addFrozenSource(command);
  addSentenceOptions(command, promptGroup);
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot few-shot UrbanSound8K --network mfcc --shots 0,1,2,5,10,20
  earshot few-shot recordings/ --network yamnet --weights yamnet.onnx --class-vectors words.npz --novel 3
  earshot few-shot recordings/ --network clap --template "This is a sound of {}." --template "I can hear {}."`,
  );
  command.action(async (dataset: string, options: Options) => {
    const source = embeddingSource(options);
    if (source.kind !== 'frozen') throw new UsageError('few-shot takes a frozen network.');
    const { fewShot } = await import('../../workflows/fewShot.ts');
    const { classVectors, scaling, shots, novel, splits, draws, subset, seed } = options;
    const stem = `${datasetName(dataset)}-few-shot`;
    const outcome = await inRunDirectory(context.words, options, { stem, resumes: false }, (place) =>
      withHooks(context, options, (hooks) =>
        fewShot({
          ...hooks,
          ...{
            dataset,
            subset,
            source,
            classVectors,
            prompts: promptChoices(options),
            scaling,
            shots,
            novel,
            splits,
            draws,
            seed,
          },
          ...place,
        }),
      ),
    );
    const { out } = context.terminal;
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    const { scoreText } = await import('../../evaluation/index.ts');
    const { printFailures, printNotices } = await import('../printEvaluation.ts');
    out.line(`${outcome.dataset}: accuracy by examples per class (chance ${outcome.chance.toFixed(3)})`);
    for (const { shots: k, accuracy } of outcome.points) {
      const scores = Object.entries(accuracy).map(
        ([method, { value, interval }]) => `${method} ${scoreText(value, interval)}`,
      );
      out.line(`${String(k).padStart(4)}  ${scores.join('  ')}`);
    }
    printFailures(outcome.failures, context.terminal);
    printNotices(outcome.notices, context.terminal);
    out.line(`\nReport:  ${outcome.report.html}`);
  });
}
