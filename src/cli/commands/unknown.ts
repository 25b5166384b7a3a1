/** @file `earshot unknown`: thresholds by which a model tells sounds of none of its classes. */
import { type Command, Option } from 'commander';
import { addSharedOptions, type Context, type SharedOptions, seedOption, withHooks } from '../context.ts';
import { choiceOption, folds, number } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  output: string;
  folds?: number[];
  falseAlarms?: number;
  subset?: 'esc10';
  seed: number;
}

export function addUnknown(program: Command, context: Context): void {
  const command = program
    .command('unknown')
    .description('teach a finished model to tell sounds of none of its classes, by recordings held out')
    .argument('<model>', 'model.onnx that earshot train wrote')
    .argument('<dataset>', 'recordings of its classes that it was not trained on, as for evaluate')
    .addOption(new Option('-o, --output <file>', 'where the new model goes').makeOptionMandatory())
    .addOption(new Option('--folds <list>', 'only these official folds, such as 10').argParser(folds))
    .addOption(
      new Option(
        '--false-alarms <x>',
        'share of known recordings that may be called unknown (default: 0.05)',
      ).argParser(number({ min: 0, max: 0.5, above: true })),
    )
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']))
    .addOption(seedOption('the parts that distances are measured between'));
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot unknown runs/cnn/model.onnx UrbanSound8K --folds 10 -o knowing.onnx
  earshot unknown runs/cnn/model.onnx more-recordings/ --false-alarms 0.01 -o knowing.onnx
  earshot classify knowing.onnx street.wav --unknown`,
  );
  command.action(async (model: string, dataset: string, options: Options) => {
    const { learnUnknown } = await import('../../workflows/unknown.ts');
    const { output, falseAlarms, subset, seed } = options;
    const outcome = await withHooks(context, options, (hooks) =>
      learnUnknown({
        ...hooks,
        ...{ model, dataset, folds: options.folds, falseAlarms, subset, seed, out: output },
      }),
    );
    const { out } = context.terminal;
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    const { printFailures, printNotices } = await import('../printEvaluation.ts');
    out.line(
      `Thresholds from ${outcome.clips} clips of ${outcome.recordings} recordings; of known sounds at most ` +
        `${(100 * outcome.falseAlarms).toFixed(1)} % of these lie below:`,
    );
    for (const [score, threshold] of Object.entries(outcome.thresholds))
      out.line(
        `  ${score.padEnd(12)} ${threshold === null ? 'not with this model' : threshold.toPrecision(5)}`,
      );
    printFailures(outcome.failures, context.terminal);
    printNotices(outcome.notices, context.terminal);
    out.line(`\nModel:   ${outcome.output}`);
    out.line(`Use it:  earshot classify ${outcome.output} FILE --unknown`);
  });
}
