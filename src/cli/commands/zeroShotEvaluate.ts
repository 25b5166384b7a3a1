/** @file `earshot zero-shot evaluate`: how well classes are told apart that were never trained on. */
import { type Command, Option } from 'commander';
import type {
  EmbeddingSource,
  ZeroShotEvaluateOptions,
  ZeroShotEvaluateOutcome,
} from '../../workflows/zeroShotEvaluate.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import {
  addSourceOptions,
  classVectorsOption,
  embeddingSource,
  type SourceOptions,
  scalingOption,
} from '../embeddingSource.ts';
import { choiceOption, names, number, wholeNumber } from '../optionValues.ts';
import { addSentenceOptions, type PromptFlags, promptChoices, promptGroup } from '../promptOptions.ts';
import { datasetName, inRunDirectory } from '../runDirectory.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions, SourceOptions, Pick<PromptFlags, 'labelsFile' | 'template'> {
  classVectors?: string;
  scaling?: ZeroShotEvaluateOptions['scaling'];
  models?: string[];
  unseen?: number;
  splits?: 'all' | number;
  testFraction?: number;
  permutations?: number;
  subset?: 'esc10';
  out?: string;
  resume?: boolean;
  seed: number;
}

export function addZeroShotEvaluate(zeroShot: Command, context: Context): void {
  const command = zeroShot
    .command('evaluate')
    .description('leave classes out, fit to the others, and test on those left out, by class vectors')
    .argument('<dataset>', "folder of a dataset, a CSV manifest, or 'demo'")
    .addOption(classVectorsOption())
    .addOption(scalingOption())
    .addOption(
      new Option(
        '--models <names>',
        'eszsl, attribute-regression, conse, ale, separated by commas (default: all)',
      ).argParser(names),
    )
    .addOption(
      new Option('--unseen <n>', 'classes left out at a time (default: 2)').argParser(
        wholeNumber({ min: 2 }),
      ),
    )
    .addOption(
      new Option(
        '--splits <n>',
        'all choices of that many classes, or so many random divisions of all classes (default: all)',
      ).argParser((text: string) => (text === 'all' ? text : wholeNumber({ min: 1 })(text))),
    )
    .addOption(
      new Option(
        '--test-fraction <x>',
        "share of the seen classes' recordings that is tested on (default: 0.2)",
      ).argParser(number({ min: 0, max: 0.9, above: true })),
    )
    .addOption(
      new Option('--permutations <n>', 'shuffles of the class vectors (default: 200)').argParser(
        wholeNumber({ min: 0, max: 100000 }),
      ),
    )
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(new Option('--out <dir>', 'folder of the results (default: runs/<dataset>-zero-shot-<n>)'))
    .addOption(new Option('--resume', 'go on with the evaluation in --out; finished divisions are kept'))
    .addOption(seedOption('everything random: divisions, held-out recordings, shuffles, first weights'));
  addSourceOptions(command);
  addSentenceOptions(command, promptGroup);
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot zero-shot evaluate UrbanSound8K --network mfcc
  earshot zero-shot evaluate UrbanSound8K --train cnn --epochs 10 --out runs/zero-shot
  earshot zero-shot evaluate recordings/ --network yamnet --weights yamnet.onnx --class-vectors words.npz --splits 5

With --train the network is trained anew for every division, on the seen classes alone.`,
  );
  command.action(async (dataset: string, options: Options) => {
    const source: EmbeddingSource = embeddingSource(options);
    const { checkMethods, zeroShotEvaluate } = await import('../../workflows/zeroShotEvaluate.ts');
    const { classVectors, scaling, models, unseen, splits, testFraction, permutations } = options;
    const stem = `${datasetName(dataset)}-zero-shot`;
    const outcome = await inRunDirectory(context.words, options, { stem }, (place) =>
      withHooks(context, options, (hooks) =>
        zeroShotEvaluate({
          ...hooks,
          ...place,
          ...{ dataset, subset: options.subset, source, seed: options.seed },
          ...{
            classVectors,
            prompts: promptChoices(options),
            scaling,
            unseen,
            splits,
            testFraction,
            permutations,
          },
          ...{ resume: options.resume, methods: models === undefined ? undefined : checkMethods(models) },
        }),
      ),
    );
    await print(outcome, context.terminal, options.json ?? false);
  });
}

async function print(outcome: ZeroShotEvaluateOutcome, terminal: Terminal, json: boolean): Promise<void> {
  if (json) {
    writeJsonLine(terminal.out, outcome);
    return;
  }
  const { scoreText } = await import('../../evaluation/index.ts');
  const { printFailures, printNotices } = await import('../printEvaluation.ts');
  const { out } = terminal;
  const { summary } = outcome;
  out.line(`${outcome.dataset}: ${summary.splits} divisions into seen and unseen classes`);
  out.line(`Embedding: ${outcome.embedding}`);
  out.line();
  const width = Math.max(...summary.methods.map(({ method }) => method.length));
  for (const { method, accuracy, shuffled, generalised } of summary.methods) {
    const control =
      shuffled === null ? '' : `, shuffled ${shuffled.mean.toFixed(3)} (p = ${shuffled.p.toFixed(3)})`;
    out.line(
      `${method.padEnd(width)}  ${out.colours.bold(scoreText(accuracy.value, accuracy.recordings))}` +
        ` (chance ${summary.chance.toFixed(3)}${control});` +
        ` with the seen classes: harmonic ${generalised.harmonic.value.toFixed(3)}, AUSUC ${generalised.ausuc.value.toFixed(3)}`,
    );
  }
  out.line();
  for (const [score, { auroc, fpr95 }] of Object.entries(summary.unknown)) {
    out.line(
      `Unknown by ${score}: AUROC ${scoreText(auroc.value, auroc.interval)}, FPR95 ${fpr95.value.toFixed(3)}`,
    );
  }
  printFailures(outcome.failures, terminal);
  printNotices(outcome.notices, terminal);
  out.line(`\nReport:  ${outcome.report.html}`);
}
