/** @file `earshot train`: from a dataset to a model and a report. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { weightsAfterLabel } from '../../core/weightsOrigin.ts';
import type { TrainOptions, TrainOutcome } from '../../workflows/train.ts';
import { commandText } from '../commandLine.ts';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { choiceOption, folds, interval, names, number, trainablePart, wholeNumber } from '../optionValues.ts';
import { addPictureOptions, pictureChoices } from '../pictureOptions.ts';
import { addPromptOptions, type PromptFlags, promptChoices } from '../promptOptions.ts';
import { datasetName, inRunDirectory } from '../runDirectory.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';
import { addWhisperOptions, type WhisperOptions, whisperChoices } from '../whisperOptions.ts';

type Overrides = NonNullable<TrainOptions['overrides']>;

type VectorChoices = NonNullable<Overrides['vectors']>;

/** What decides which clips are trained on and which are tested. */
export interface SplitOptions {
  trainFolds?: number[];
  testFolds?: number[];
  crossValidate?: boolean;
  folds?: number;
  onlyFold?: number;
  split?: 'grouped' | 'stratified' | 'random';
  splitSeed?: number;
  withinFolds?: number[];
  testFraction?: number;
}

/** What is trained, and how. */
interface EntryOptions
  extends PromptFlags,
    WhisperOptions,
    Omit<Overrides, 'trainable' | 'vectors' | 'prompts' | 'whisper'>,
    Omit<VectorChoices, 'hopSeconds'> {
  hopSize?: number;
  approach?: string;
  network?: string;
  embedding?: string;
  pictureLayout?: NonNullable<TrainOptions['network']>['layout'];
  train?: Overrides['trainable'];
}

interface Options extends SharedOptions, SplitOptions, EntryOptions {
  subset?: 'esc10';
  out?: string;
  seed: number;
  resume?: boolean;
  reportSounds?: number;
}

/** A test compares these with what the library knows. */
export const approachNames = [
  ...['cnn', 'resnet50', 'resnet34', 'resnet18', 'whisper'],
  ...['openl3-svm', 'yamnet-svm', 'edgel3-svm', 'onnx-svm', 'mfcc-svm', 'clap'],
];
/** The one that takes an ONNX model. */
export const modelApproach = 'onnx-svm';
const frontEndNames = [
  ...['log-mel', 'yamnet', 'clap', 'whisper', 'whisper-128'],
  ...['linear', 'mel128', 'mel256'].flatMap((representation) =>
    ['kapre-0.1', 'kapre', 'librosa'].map((variant) => `openl3-${representation}-${variant}`),
  ),
  'edgel3-sea',
];

const overrideNames = [
  ...['loraRank', 'loraAlpha', 'loraTargets', 'checkpointActivations'],
  ...['frontEnd', 'standardize', 'headRate', 'layerDecay', 'warmHead', 'fromScratch'],
  ...['weights', 'epochs', 'batchSize', 'learningRate', 'weightDecay', 'optimizer', 'momentum', 'nesterov'],
  ...[
    'schedule',
    'warmupEpochs',
    'clipNorm',
    'labelSmoothing',
    'classWeights',
    'frozenStatistics',
    'patience',
  ],
  ...['select', 'validationFraction', 'windowSeconds', 'pad', 'sampleRate', 'nMels', 'mixup'],
  ...['specAugment', 'timeShift', 'gain', 'noiseSnr', 'calibrationFraction'],
] as (keyof Overrides & keyof EntryOptions)[];

const vectorNames = [
  ...['pooling', 'svmC', 'tune', 'svmLoss', 'probabilities'],
  ...['inputRepr', 'contentType', 'embeddingSize', 'center'],
] as (keyof VectorChoices & keyof EntryOptions)[];

export function addTrain(program: Command, context: Context): void {
  const command = program
    .command('train')
    .description('train a classifier on labelled recordings, test it on others, write model and report')
    .argument(
      '<dataset>',
      "folder of UrbanSound8K, ESC-50, ESC-10, a folder per class, a CSV manifest, or 'demo'",
    );
  addChoiceOptions(command);
  addSplitOptions(command);
  addRunOptions(command);
  addTrainingOptions(command);
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot train UrbanSound8K --approach cnn --train-folds 1-9 --test-folds 10
  earshot train ESC-50 --approach cnn --cross-validate --seed 1 --out runs/esc50
  earshot train recordings/ --approach resnet50 --weights resnet50.safetensors --train last-stage --epochs 5
  earshot train recordings/ --network yamnet.onnx --embedding embedding --front-end yamnet
  earshot train recordings/ --split random          shows what a leak is worth: recordings on both sides
  earshot train UrbanSound8K --out runs/cnn --resume   goes on after Ctrl-C (give the same options again)`,
  );
  command.action(async (dataset: string, options: Options) => {
    checkSplitOptions(options);
    const entry = entryOf(options);
    const { train } = await import('../../workflows/train.ts');
    const stem = `${datasetName(dataset)}-${modelName(options)}`;
    const outcome = await inRunDirectory(context.words, options, { stem }, (place) =>
      withHooks(context, options, (hooks) =>
        train({
          ...hooks,
          dataset,
          ...entry,
          split: splitOf(options),
          crossValidate: options.crossValidate,
          folds: options.folds,
          onlyFold: options.onlyFold,
          seed: options.seed,
          splitSeed: options.splitSeed,
          ...place,
          resume: options.resume,
          reportMegabytes: options.reportSounds,
          subset: options.subset,
        }),
      ),
    );
    if (options.json) writeJsonLine(context.terminal.out, outcomeJson(outcome));
    else await printOutcome(outcome, context.terminal);
  });
}

const dataAndSplit = 'Data and split:';

/** What is trained. */
function addChoiceOptions(command: Command): void {
  const add = (option: Option) => command.addOption(option.helpGroup(dataAndSplit));
  add(choiceOption('--approach <name>', 'what to train (default: cnn)', approachNames));
  add(
    new Option(
      '--network <file>',
      'put a head on this ONNX model and fine-tune it, instead of an approach; with --approach onnx-svm: leave it as it is and fit a linear SVM to its vectors',
    ),
  );
}

/** What is trained on and what is tested. */
export function addSplitOptions(command: Command): void {
  const add = (option: Option) => command.addOption(option.helpGroup(dataAndSplit));
  add(
    new Option(
      '--train-folds <list>',
      'official folds to train on, such as 1-9 (default: all that are not tested)',
    ).argParser(folds),
  );
  add(
    new Option(
      '--test-folds <list>',
      'official folds to test on, such as 10 (default: all that are not trained on; if neither is given, the last)',
    ).argParser(folds),
  );
  add(
    new Option(
      '--cross-validate',
      'train once per fold and test on it: official folds, or grouped ones (--folds)',
    ),
  );
  add(
    new Option('--folds <k>', 'number of grouped folds for --cross-validate').argParser(
      wholeNumber({ min: 2, max: 1000 }),
    ),
  );
  add(
    choiceOption(
      '--split <kind>',
      'ignore official folds: keep recordings together (grouped, the default where there are no folds), balance classes (stratified), or neither (random); the last two may leak',
      ['grouped', 'stratified', 'random'],
    ).conflicts(['trainFolds', 'testFolds', 'crossValidate']),
  );
  add(
    new Option('--within-folds <list>', 'with --split: only clips of these official folds').argParser(folds),
  );
  add(
    new Option('--test-fraction <x>', 'share of the clips to test on (default: 0.2)').argParser(
      number({ min: 0.01, max: 0.9 }),
    ),
  );
  add(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']));
}

/** Which part of it this run is, and where it lies. */
function addRunOptions(command: Command): void {
  const add = (option: Option) => command.addOption(option.helpGroup(dataAndSplit));
  add(
    new Option('--only-fold <n>', 'of --cross-validate, this fold alone').argParser(wholeNumber({ min: 0 })),
  );
  add(
    new Option('--split-seed <n>', 'seed of the split alone (default: --seed)').argParser(
      wholeNumber({ min: 0, max: 2 ** 32 - 1 }),
    ),
  );
  add(new Option('--out <dir>', 'folder of the run (default: runs/<dataset>-<approach>-<n>)'));
  add(new Option('--resume', 'go on with the run in --out from its last checkpoint'));
  add(
    new Option(
      '--report-sounds <MB>',
      'sound that the report may hold, for listening (default: 8)',
    ).argParser(number({ min: 0, max: 500 })),
  );
  add(seedOption('everything random: splits, first weights, order, augmentation'));
}

function addTrainingOptions(command: Command): void {
  const add = (group: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group));
  };
  const whole = wholeNumber({ min: 1 });
  const share = number({ min: 0, max: 1 });
  add(
    'Network:',
    new Option(
      '--weights <file>',
      "published weights: a safetensors or Keras HDF5 file, or a name from 'earshot models list' (default: random weights)",
    ),
    new Option(
      '--embedding <name>',
      "tensor of --network's model that the head stands on, or the SVM's vector",
    ),
    new Option(
      '--train <part>',
      'what is trained: head, last-stage, last:N (the last N parameters before the head, and the head) or all (default: all; with --lora-rank: head)',
    ).argParser(trainablePart),
    new Option(
      '--lora-rank <r>',
      'train low-rank adapters (LoRA) of this rank beside frozen weights; the model has them merged',
    ).argParser(whole),
    new Option('--lora-alpha <x>', 'adapters are scaled by alpha/rank (default: twice the rank)').argParser(
      number({ min: 0, above: true }),
    ),
    new Option(
      '--lora-targets <patterns>',
      "weights that get adapters, such as 'layer4.*,fc?.weight' (default: of all matrix products before the head)",
    ).argParser(names),
    new Option(
      '--frozen-statistics',
      "batch normalisation keeps its statistics (default where not all is trained, and for --network's model)",
    ),
    new Option('--no-frozen-statistics', 'batch normalisation goes on measuring'),
    new Option(
      '--from-scratch',
      "take the nodes of --network's model and not its weights: start from random numbers (--seed)",
    ),
  );
  addPictureOptions(command, 'Picture:');
  addWhisperOptions(command);
  addPromptOptions(command, 'Prompts (--approach clap):');
  add(
    'Linear SVM on vectors (openl3-svm, yamnet-svm, edgel3-svm, onnx-svm, mfcc-svm):',
    new Option(
      '--svm-c <x>',
      'cost of a unit of loss: the smaller, the more regular (default: 0.01)',
    ).argParser(number({ min: 0, above: true })),
    new Option('--tune', 'choose it by cross-validation inside the training side, recordings kept together'),
    choiceOption('--svm-loss <name>', 'loss of the SVM (default: squared-hinge)', ['squared-hinge', 'hinge']),
    choiceOption(
      '--probabilities <how>',
      'from scores, on recordings held out: one temperature, which keeps the decisions (default), or a curve per class',
      ['temperature', 'sigmoid', 'isotonic'],
    ),
    choiceOption('--pooling <how>', "one vector from those of a clip's windows (default: the approach's)", [
      'mean',
      'mean-deviation',
      'max',
    ]),
    choiceOption('--input-repr <name>', "OpenL3's spectrogram (default: mel256)", [
      'linear',
      'mel128',
      'mel256',
    ]),
    choiceOption('--content-type <name>', "recordings of OpenL3's weights (default: music)", [
      'music',
      'env',
    ]),
    new Option(
      '--embedding-size <n>',
      "numbers in OpenL3's embedding: 6144 or 512 (default: 6144)",
    ).argParser(whole),
    new Option('--hop-size <x>', "seconds from one of the network's windows to the next").argParser(
      number({ min: 0, max: 60, above: true }),
    ),
    new Option('--center', 'half a window of zeros goes before the clip (default of OpenL3 and EdgeL3)'),
    new Option('--no-center', 'the first window begins with the clip'),
  );
  add(
    'Probabilities:',
    new Option(
      '--calibration-fraction <x>',
      'hold this share of the training side out, by recording, to fit a temperature on and to make prediction sets with (default: 0)',
    ).argParser(number({ min: 0, max: 0.5 })),
  );
  add(
    'Optimisation (defaults depend on the approach):',
    new Option('--epochs <n>', 'passes over the training clips').argParser(whole),
    new Option('--batch-size <n>', 'clips in a step').argParser(whole),
    new Option(
      '--checkpoint-activations',
      'compute parts of the forward pass again instead of keeping them: less memory, more time, equal results',
    ),
    choiceOption('--optimizer <name>', 'update rule', ['sgd', 'adam', 'adamw']),
    new Option('--learning-rate <x>', 'its peak').argParser(number({ min: 0, above: true })),
    new Option(
      '--head-rate <x>',
      "the head's learning rate, as a multiple of the layer's before it",
    ).argParser(number({ min: 0, above: true })),
    new Option(
      '--layer-decay <x>',
      "the first layer's learning rate as a share of the last one's before the head, the others in equal ratios between (1: all alike)",
    ).argParser(number({ min: 0, max: 1, above: true })),
    new Option(
      '--warm-head <n>',
      'epochs at first in which the head learns alone and everything else stays as it is',
    ).argParser(whole),
    choiceOption('--schedule <name>', 'course of the learning rate', ['cosine', 'constant', 'step']),
    new Option('--warmup-epochs <n>', 'epochs of rising learning rate').argParser(number({ min: 0 })),
    new Option('--weight-decay <x>', 'pull of weights towards 0').argParser(number({ min: 0 })),
    new Option('--momentum <x>', 'of SGD').argParser(share),
    new Option('--nesterov', "Nesterov's momentum in SGD"),
    new Option('--no-nesterov', 'plain momentum'),
    new Option('--clip-norm <x>', 'largest norm of the gradient; 0 for no limit').argParser(
      number({ min: 0 }),
    ),
    new Option('--label-smoothing <x>', 'share of the target spread over all classes').argParser(
      number({ min: 0, max: 0.9 }),
    ),
    choiceOption('--class-weights <kind>', 'weigh rare classes up, or not', ['none', 'balanced']),
    new Option(
      '--validation-fraction <x>',
      'share of the training side set aside to choose the epoch by',
    ).argParser(number({ min: 0, max: 0.5 })),
    new Option('--patience <n>', 'stop after so many epochs without a better validation loss').argParser(
      whole,
    ),
    choiceOption('--select <which>', 'epoch that becomes the model: best on validation, or last', [
      'best',
      'last',
    ]),
  );
  add(
    'Sound:',
    choiceOption('--front-end <name>', 'what turns sound into pictures (default: log-mel)', frontEndNames),
    new Option(
      '--standardize',
      "standardise pictures per mel band by the training side (--picture-scaling bands; the default of Earshot's own networks on log-mel)",
    ),
    new Option('--no-standardize', 'the network sees the front end as it is (--picture-scaling none)'),
    new Option('--sample-rate <Hz>', 'rate everything is resampled to').argParser(
      wholeNumber({ min: 1000, max: 192000 }),
    ),
    new Option('--window-seconds <x>', 'length of the piece the network hears').argParser(
      number({ min: 0.05, max: 60 }),
    ),
    choiceOption(
      '--pad <kind>',
      'how shorter clips are filled: by repetition, by whole copies and zeros, with zeros, or with zeros that the network leaves out (whisper)',
      ['repeat', 'copies', 'zero', 'mask'],
    ),
    new Option('--n-mels <n>', 'mel bands').argParser(wholeNumber({ min: 8, max: 512 })),
  );
  add(
    'Augmentation:',
    new Option('--mixup <alpha>', 'strength of mixup; 0 turns it off').argParser(number({ min: 0 })),
    new Option('--spec-augment', 'masks over time and frequency (default, but for --network)'),
    new Option('--no-spec-augment', 'no masks over time and frequency'),
    new Option('--time-shift <share>', 'largest shift, as a share of the window').argParser(share),
    new Option('--gain <dB>', 'largest change of level').argParser(number({ min: 0 })),
    new Option('--noise-snr <low,high>', 'add noise at a level in this range of dB').argParser(interval),
  );
}

/** @throws {UsageError} for options that exclude each other */
export function checkSplitOptions(options: SplitOptions): void {
  const byFolds = options.trainFolds !== undefined || options.testFolds !== undefined;
  if (options.crossValidate && byFolds) {
    throw new UsageError(
      '--cross-validate tests on every fold in turn; --train-folds and --test-folds choose some.',
      {
        hint: 'Give one or the other.',
      },
    );
  }
  if (options.folds !== undefined && !options.crossValidate) {
    throw new UsageError('--folds is the number of folds of --cross-validate, which was not given.', {
      hint: 'Add --cross-validate, or name official folds with --train-folds and --test-folds.',
    });
  }
  if (options.onlyFold !== undefined && !options.crossValidate) {
    throw new UsageError('--only-fold is one fold of --cross-validate, which was not given.', {
      hint: 'Add --cross-validate, or name official folds with --train-folds and --test-folds.',
    });
  }
  if (options.withinFolds !== undefined && options.split === undefined) {
    throw new UsageError('--within-folds confines a --split, which was not given.', {
      hint: 'Add --split grouped, or name official folds with --train-folds and --test-folds.',
    });
  }
  if (options.testFraction !== undefined && (byFolds || options.crossValidate)) {
    throw new UsageError('--test-fraction cannot be used where folds decide what is tested.', {
      hint: 'Leave it out, or use --split.',
    });
  }
  const both = options.trainFolds?.filter((fold) => options.testFolds?.includes(fold)) ?? [];
  if (both.length > 0) {
    throw new UsageError(`Fold ${both.join(', ')} is named for training and for testing.`, {
      hint: 'What is tested must not be trained on.',
    });
  }
}

function checkNetworkOptions({ approach, network, embedding, pictureLayout }: EntryOptions): void {
  if (network !== undefined) {
    if (approach === undefined || approach === modelApproach) return;
    throw new UsageError('--approach and --network each say what is trained; both were given.', {
      hint: 'Leave one of them out.',
    });
  }
  if (approach === modelApproach) {
    throw new UsageError(
      `--approach ${modelApproach} needs an ONNX model whose vectors the SVM is fitted to.`,
      {
        hint: 'Add --network FILE and --embedding NAME.',
      },
    );
  }
  const alone =
    embedding !== undefined ? '--embedding' : pictureLayout !== undefined ? '--picture-layout' : null;
  if (alone === null) return;
  throw new UsageError(`${alone} is about the model of --network, which was not given.`, {
    hint: 'Add --network with the path of an ONNX model.',
  });
}

function networkOf({ network, embedding, pictureLayout }: EntryOptions): TrainOptions['network'] {
  return network === undefined ? undefined : { file: network, embedding, layout: pictureLayout };
}

/** What the run's folder is named after. */
function modelName({ approach, network }: EntryOptions): string {
  return network === undefined ? (approach ?? 'cnn') : datasetName(network.replace(/\.onnx$/i, ''));
}

export function splitOf({
  trainFolds,
  testFolds,
  split,
  testFraction,
  withinFolds,
}: SplitOptions): TrainOptions['split'] {
  if (trainFolds !== undefined || testFolds !== undefined) return { kind: 'folds', trainFolds, testFolds };
  if (split !== undefined || testFraction !== undefined)
    return { kind: split ?? 'grouped', testFraction, withinFolds };
  return undefined;
}

/** What was set explicitly. */
function overridesOf(options: EntryOptions): Overrides {
  const chosen = Object.fromEntries(
    overrideNames.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as Overrides;
  const prompts = promptChoices(options);
  const vectors: VectorChoices = {
    ...Object.fromEntries(
      vectorNames.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
    ),
    ...(options.hopSize === undefined ? {} : { hopSeconds: options.hopSize }),
  };
  const whisper = whisperChoices(options);
  return {
    ...chosen,
    ...pictureChoices(options),
    ...(options.train === undefined ? {} : { trainable: options.train }),
    ...(Object.keys(vectors).length === 0 ? {} : { vectors }),
    ...(prompts === undefined ? {} : { prompts }),
    ...(whisper === undefined ? {} : { whisper }),
  };
}

/**
 * A parser of the options that say what is trained and how, for settings of one among several.
 * @param command an empty one
 */
export function entryParser(command: Command): Command {
  addChoiceOptions(command);
  addTrainingOptions(command);
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .helpOption(false);
}

/** What is trained and how, from parsed options. @throws {UsageError} for options that exclude each other */
export function entryOf(options: EntryOptions): Pick<TrainOptions, 'approach' | 'network' | 'overrides'> {
  checkNetworkOptions(options);
  return { approach: options.approach, network: networkOf(options), overrides: overridesOf(options) };
}

/** The evaluation's own keys (scikit-learn's) at the top, and the run under `run`. */
function outcomeJson(outcome: TrainOutcome) {
  const { directory, approach, models, report, failures, notices, seconds, weights, synthetic, parity } =
    outcome;
  const { parameters, trainedParameters, device } = outcome;
  return {
    ...outcome.evaluation,
    run: {
      ...{ directory, approach, synthetic, weights, parameters, trainedParameters, device, seconds, parity },
      ...{ models, report, failures, notices },
    },
  };
}

async function printOutcome(outcome: TrainOutcome, terminal: Terminal): Promise<void> {
  const { countText, printEvaluation, printFailures, printNotices } = await import('../printEvaluation.ts');
  const { out } = terminal;
  if (outcome.synthetic)
    out.line('These numbers are on synthetic sound: they say nothing about real recordings.\n');
  printEvaluation(outcome.evaluation, terminal);
  printFailures(outcome.failures, terminal);
  printNotices(outcome.notices, terminal);
  out.line();
  out.line(`Weights: ${weightsAfterLabel(outcome.weights)}`);
  if (outcome.trainedParameters < outcome.parameters)
    out.line(
      `Trained: ${countText(outcome.trainedParameters)} of ${countText(outcome.parameters)} parameters`,
    );
  for (const model of outcome.models) out.line(`Model:   ${model}`);
  out.line(`Report:  ${outcome.report.html}`);
  out.line(`The model gives the probabilities of training to within ${outcome.parity.toExponential(1)}.`);
  if (outcome.models[0] !== undefined)
    out.line(`Use it:  ${commandText(['classify', outcome.models[0], 'FILE'])}`);
}
