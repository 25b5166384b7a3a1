/** @file `earshot compare`: several approaches on the same clips, in one report. */
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { CompareOptions, CompareOutcome } from '../../workflows/compare/compare.ts';
import type { CompareEntry, CompareJob } from '../../workflows/compare/compareJobs.ts';
import { commandText } from '../commandLine.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { names, number, wholeNumber } from '../optionValues.ts';
import { datasetName, inRunDirectory } from '../runDirectory.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';
import {
  addSplitOptions,
  checkSplitOptions,
  entryOf,
  entryParser,
  modelApproach,
  type SplitOptions,
  splitOf,
} from './train.ts';

interface Options extends SharedOptions, SplitOptions {
  approaches: string[];
  set?: { name: string; words: string[] }[];
  seeds: number;
  seed: number;
  jobs?: number;
  showLeak?: boolean;
  alpha?: number;
  calibrationFraction?: number;
  subset?: 'esc10';
  out?: string;
  resume?: boolean;
}

export function addCompare(program: Command, context: Context): void {
  const command = program
    .command('compare')
    .description(
      'train several approaches on the same recordings, test them on the same others, compare them',
    )
    .argument(
      '<dataset>',
      "folder of UrbanSound8K, ESC-50, ESC-10, a folder per class, a CSV manifest, or 'demo'",
    );
  const add = (option: Option) => command.addOption(option.helpGroup('What is compared:'));
  add(
    new Option('--approaches <list>', 'approaches, or names that --set explains, such as cnn,mfcc-svm')
      .argParser(names)
      .makeOptionMandatory(),
  );
  add(
    new Option(
      '--set <name: options>',
      'options of earshot train for one of them, such as "cnn: --epochs 10"; give it once for each',
    ).argParser(settingsOf),
  );
  add(
    new Option('--seeds <n>', 'how often each is trained, with seeds counted up from --seed')
      .argParser(wholeNumber({ min: 1, max: 100 }))
      .default(1),
  );
  add(new Option('--show-leak', 'train each on a random split too, and show how far that lifts the score'));
  add(
    new Option(
      '--alpha <x>',
      'make prediction sets that lack the true class at most this often, such as 0.1, and report how they did',
    ).argParser(number({ min: 0.001, max: 0.5 })),
  );
  add(
    new Option(
      '--calibration-fraction <x>',
      'share of the training side held out to calibrate on (default: 0.2 with --alpha, else 0)',
    ).argParser(number({ min: 0, max: 0.5 })),
  );
  addSplitOptions(command);
  add(new Option('--out <dir>', 'folder of the runs and the report (default: runs/<dataset>-compared-<n>)'));
  add(new Option('--resume', 'go on with the comparison in --out: finished runs are kept'));
  add(seedOption('splits and intervals, and the first of the runs'));
  add(
    new Option(
      '--jobs <n>',
      'trainings at a time, each a process (default: half of the processors)',
    ).argParser(wholeNumber({ min: 1, max: 64 })),
  );
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot compare UrbanSound8K --approaches mfcc-svm,cnn,yamnet-svm --train-folds 1-9 --test-folds 10
  earshot compare ESC-50 --approaches mfcc-svm,cnn --cross-validate --seeds 3 --jobs 2
  earshot compare recordings/ --approaches cnn,resnet18 --set "resnet18: --epochs 5 --picture-size 112"
  earshot compare recordings/ --approaches cnn,long --set "long: --approach cnn --epochs 80" --show-leak
  earshot compare recordings/ --approaches cnn,mine --set "mine: --network model.onnx --embedding features"`,
  );
  command.action(async (dataset: string, options: Options) => {
    checkSplitOptions(options);
    const entries = entriesOf(options);
    const { compare } = await import('../../workflows/compare/compare.ts');
    const split = splitOf(options);
    const stem = `${datasetName(dataset)}-compared`;
    const outcome = await inRunDirectory(context.words, options, { stem }, (place) =>
      withHooks(context, options, (hooks) =>
        compare({
          ...hooks,
          ...{ dataset, entries, seeds: options.seeds, seed: options.seed },
          ...place,
          split,
          crossValidate: options.crossValidate,
          folds: options.folds,
          jobs: options.jobs,
          showLeak: options.showLeak,
          alpha: options.alpha,
          calibrationFraction: options.calibrationFraction,
          subset: options.subset,
          commandOf: (job, out) => commandText(trainWords(dataset, options, split, job, out)),
        }),
      ),
    );
    if (outcome.failures.length > 0) context.setExitCode(1);
    if (options.json) writeJsonLine(context.terminal.out, outcomeJson(outcome));
    else await printOutcome(outcome, context.terminal);
  });
}

/** `name: --option value …`, in the words a shell would make of it. */
function settingsOf(text: string, before: Options['set'] = []): NonNullable<Options['set']> {
  const match = /^\s*([\w.-]+)\s*:(.*)$/s.exec(text);
  if (match === null) {
    throw new UsageError(`'${text}' does not say whose settings they are.`, {
      hint: 'Write the name, a colon and options of earshot train, such as --set "cnn: --epochs 10".',
    });
  }
  const words = [...match[2].matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare!,
  );
  return [...before, { name: match[1], words }];
}

/** What is compared, with the settings of each. */
function entriesOf({ approaches, set = [] }: Options): CompareEntry[] {
  const unknown = set.find(({ name }) => !approaches.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--set gives settings for ${unknown.name}, which is not among --approaches.`, {
      hint: `Compared are ${approaches.join(', ')}.`,
    });
  }
  return approaches.map((name) => {
    const words = set.filter((settings) => settings.name === name).flatMap((settings) => settings.words);
    const parser = entryParser(new Command('train'));
    try {
      parser.parse(words, { from: 'user' });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      const [what = '', guess] = error.message.replace(/^error: /, '').split('\n');
      throw new UsageError(`The settings of ${name} are not usable: ${what.replace(/\.$/, '')}.`, {
        hint:
          guess?.replace(/[()]/g, '') ?? 'They are options of earshot train on the network and its training.',
        cause: error,
      });
    }
    return { name, words, ...entryOf(parser.opts()) };
  });
}

/** The command line that makes one of the runs alone. */
function trainWords(
  dataset: string,
  { subset }: Options,
  split: CompareOptions['split'],
  { entry, seed, on, split: choice }: CompareJob,
  out: string,
): string[] {
  const { name, approach, network, overrides, words = [] } = entry;
  const fraction = overrides?.calibrationFraction;
  const calibration =
    fraction === undefined || words.includes('--calibration-fraction')
      ? []
      : ['--calibration-fraction', String(fraction)];
  const own =
    approach === undefined && (network === undefined || name === modelApproach) ? ['--approach', name] : [];
  const list = (flag: string, folds: readonly number[] | undefined) =>
    folds === undefined ? [] : [flag, folds.join(',')];
  const used = on === 'random' ? choice.split : split;
  const splitWords = choice.crossValidate
    ? [
        '--cross-validate',
        ...(choice.folds === undefined ? [] : ['--folds', String(choice.folds)]),
        ...(choice.onlyFold === undefined ? [] : ['--only-fold', String(choice.onlyFold)]),
      ]
    : used === undefined || used.kind === 'given'
      ? []
      : used.kind === 'folds'
        ? [...list('--train-folds', used.trainFolds), ...list('--test-folds', used.testFolds)]
        : [
            ...['--split', used.kind],
            ...(used.testFraction === undefined ? [] : ['--test-fraction', String(used.testFraction)]),
            ...list('--within-folds', used.withinFolds),
          ];
  return [
    ...['train', dataset, ...own, ...words, ...calibration, ...splitWords],
    ...(subset === undefined ? [] : ['--subset', subset]),
    ...['--split-seed', String(choice.splitSeed), '--seed', String(seed), '--out', out],
  ];
}

/** The whole comparison, but for what each clip got: that is in comparison.json. */
function outcomeJson({ directory, result, report, failures, kept, synthetic }: CompareOutcome) {
  const { agreement, approaches, ...rest } = result;
  const { disputed, ...agreed } = agreement;
  return {
    ...rest,
    synthetic,
    approaches: approaches.map(({ coverage: { area }, ...approach }) => ({
      ...approach,
      coverage: { area },
    })),
    agreement: { ...agreed, disputed: disputed.length },
    run: { directory, report, failures, kept },
  };
}

async function printOutcome(outcome: CompareOutcome, terminal: Terminal): Promise<void> {
  const { printComparison } = await import('../printComparison.ts');
  printComparison(outcome.result, outcome, terminal);
  terminal.out.line(`\nReport: ${outcome.report.html}`);
}
