/** @file `earshot export`: a trained model in the form that other programs take, or with its weights in fewer bits. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { ExportPrecisionOutcome } from '../../workflows/exportPrecision.ts';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { choiceOption, folds } from '../optionValues.ts';
import { requireEmpty } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  to?: 'huggingface';
  precision?: 'fp16' | 'int8';
  output: string;
  evaluate?: string;
  folds?: number[];
  subset?: 'esc10';
}

export function addExport(program: Command, context: Context): void {
  const command = program
    .command('export')
    .description(
      'write a trained model in the form that other programs take, or with its weights in fewer bits',
    )
    .argument('<model>', 'a model.onnx that earshot train or earshot import wrote')
    .addOption(
      choiceOption(
        '--to <form>',
        'huggingface: a folder that WhisperForAudioClassification.from_pretrained loads, of a Whisper classifier',
        ['huggingface'],
      ),
    )
    .addOption(
      choiceOption(
        '--precision <kind>',
        'a model file with weights of half precision (fp16, half the size) or of whole numbers (int8, a quarter)',
        ['fp16', 'int8'],
      ).conflicts('to'),
    )
    .addOption(new Option('-o, --output <path>', 'folder or file to write').makeOptionMandatory())
    .addOption(
      new Option(
        '--evaluate <dataset>',
        "with --precision: measure what it costs on this dataset, or on the test clips of a run's folder",
      ),
    )
    .addOption(new Option('--folds <list>', 'only these official folds of the dataset').argParser(folds))
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']));
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot export runs/whisper/model.onnx --to huggingface -o whisper-tiny-urbansound
  earshot export runs/cnn/model.onnx --precision int8 --evaluate runs/cnn -o cnn-int8.onnx
  earshot export runs/cnn/model.onnx --precision fp16 --evaluate UrbanSound8K --folds 10 -o cnn-fp16.onnx`,
  );
  command.action(async (model: string, options: Options) => {
    if (options.precision !== undefined) await reduced(context, model, options, options.precision);
    else await toHuggingFace(context, model, options);
  });
}

async function toHuggingFace({ terminal: { out } }: Context, model: string, options: Options): Promise<void> {
  if (options.to === undefined) {
    throw new UsageError('What shall the model become? Neither --to nor --precision was given.', {
      hint: 'Add --to huggingface, or --precision fp16 or int8.',
    });
  }
  if (options.evaluate !== undefined || options.folds !== undefined || options.subset !== undefined) {
    throw new UsageError(
      '--evaluate, --folds and --subset measure what --precision costs, which was not given.',
      {
        hint: 'Leave them out, or add --precision.',
      },
    );
  }
  const { exportToHuggingFace } = await import('../../workflows/exportModel.ts');
  await requireEmpty(options.output, 'Give another folder with -o.');
  const made = await exportToHuggingFace({ model, out: options.output });
  if (options.json) {
    writeJsonLine(out, made);
    return;
  }
  for (const file of made.files) out.line(file);
  for (const difference of made.differences) out.line(difference);
}

async function reduced(
  context: Context,
  model: string,
  options: Options,
  precision: 'fp16' | 'int8',
): Promise<void> {
  const { output, evaluate } = options;
  if (evaluate === undefined && (options.folds !== undefined || options.subset !== undefined)) {
    throw new UsageError('--folds and --subset choose clips of --evaluate, which was not given.', {
      hint: 'Add --evaluate with the dataset.',
    });
  }
  const { exportPrecision } = await import('../../workflows/exportPrecision.ts');
  const made = await withHooks(context, options, (hooks) =>
    exportPrecision({
      ...hooks,
      ...{ model, precision, out: output },
      ...(evaluate === undefined ? {} : { evaluate }),
      ...(options.folds === undefined ? {} : { folds: options.folds }),
      ...(options.subset === undefined ? {} : { subset: options.subset }),
    }),
  );
  const { out } = context.terminal;
  if (options.json) writeJsonLine(out, made);
  else await print(made, context);
}

async function print(made: ExportPrecisionOutcome, { terminal }: Context): Promise<void> {
  const { out } = terminal;
  const { printFailures } = await import('../printEvaluation.ts');
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  out.line(`Model:  ${made.file}, ${made.precision}`);
  out.line(`Size:   ${megabytes(made.source.bytes)} before, ${megabytes(made.bytes)} after`);
  const { evaluation } = made;
  if (evaluation === null) {
    out.line('What it costs in accuracy was not measured: --evaluate DATASET does.');
    return;
  }
  const { accuracyBefore, accuracyAfter, clips, millisecondsBefore, millisecondsAfter } = evaluation;
  const points = 100 * (accuracyAfter - accuracyBefore);
  out.line(
    `Accuracy on ${clips} clips of ${evaluation.dataset}: ${percent(accuracyBefore)} before, ${percent(accuracyAfter)} after (${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(2)} points)`,
  );
  out.line(
    `Another class for ${evaluation.decisionsChanged} of them; probabilities differ by at most ${evaluation.largestProbabilityDifference.toFixed(4)}`,
  );
  out.line(
    `Time a clip: ${millisecondsBefore.toFixed(1)} ms before, ${millisecondsAfter.toFixed(1)} ms after`,
  );
  printFailures(made.failures, terminal);
}
