/** @file `earshot evaluate`: a finished model on a dataset. */
import { type Command, Option } from 'commander';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { choiceOption, folds, number } from '../optionValues.ts';
import { requireEmpty } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  folds?: number[];
  subset?: 'esc10';
  out?: string;
  seed: number;
  alpha?: number;
}

export function addEvaluate(program: Command, context: Context): void {
  const command = program
    .command('evaluate')
    .description('test a finished model on a dataset')
    .argument('<model>', 'model.onnx that earshot train wrote')
    .argument('<dataset>', 'folder of a dataset, or a CSV manifest')
    .addOption(new Option('--folds <list>', 'only these official folds, such as 10').argParser(folds))
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(new Option('--out <dir>', 'write evaluation.json and predictions.csv to this folder'))
    .addOption(
      new Option(
        '--alpha <x>',
        'make prediction sets that lack the true class at most this often, such as 0.1 (the model must be calibrated)',
      ).argParser(number({ min: 0.001, max: 0.5 })),
    )
    .addOption(seedOption('the bootstrap behind the intervals'));
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot evaluate runs/cnn/model.onnx UrbanSound8K --folds 10
  earshot evaluate runs/cnn/model.onnx recordings/ --json > scores.json
  earshot evaluate runs/cnn/model.onnx recordings/ --out runs/cnn-on-recordings`,
  );
  command.action(async (model: string, dataset: string, options: Options) => {
    if (options.out !== undefined) await requireEmpty(options.out, 'Give another --out.');
    const { evaluate } = await import('../../workflows/evaluate.ts');
    const outcome = await withHooks(context, options, (hooks) =>
      evaluate({
        ...hooks,
        model,
        dataset,
        folds: options.folds,
        subset: options.subset,
        out: options.out,
        seed: options.seed,
        alpha: options.alpha,
      }),
    );
    const { terminal } = context;
    if (options.json) {
      const { directory, failures, notices, evaluation, conformal } = outcome;
      // The evaluation's own keys (scikit-learn's) at the top, as in evaluation.json.
      writeJsonLine(terminal.out, { ...evaluation, run: { directory, failures, notices, conformal } });
      return;
    }
    const { printConformal, printEvaluation, printFailures, printNotices } = await import(
      '../printEvaluation.ts'
    );
    printEvaluation(outcome.evaluation, terminal);
    printConformal(outcome.conformal, terminal);
    printFailures(outcome.failures, terminal);
    printNotices(outcome.notices, terminal);
    if (outcome.directory !== null) terminal.out.line(`\nWritten to ${outcome.directory}`);
  });
}
