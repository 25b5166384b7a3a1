/** @file `earshot explain`: what in a recording speaks for a class. */
import { type Command, Option } from 'commander';
import type { ExplanationMethod } from '../../workflows/explainer.ts';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { choiceOption, number } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions {
  class?: string;
  method?: ExplanationMethod;
  map?: string;
  from?: number;
  to?: number;
  output: string;
}

const methods: readonly ExplanationMethod[] = ['gradient-x-input', 'integrated-gradients', 'grad-cam'];

export function addExplain(program: Command, context: Context): void {
  const command = program
    .command('explain')
    .description('show what in a recording speaks for a class, as a picture and as sound')
    .argument('<model>', "model.onnx as 'earshot train' wrote it")
    .argument('<file>', 'sound file')
    .option('--class <name>', 'class to explain (default: the likeliest)')
    .addOption(
      choiceOption('--method <name>', 'how saliency is computed (default: gradient-x-input)', methods),
    )
    .option('--map <tensor>', 'map of features for Grad-CAM (default: the last before pooling)')
    .addOption(
      new Option('--from <seconds>', 'where the part to explain begins').argParser(number({ min: 0 })),
    )
    .addOption(
      new Option('--to <seconds>', 'where it ends (at most ten minutes at once)').argParser(
        number({ min: 0, above: true }),
      ),
    )
    .option('-o, --output <folder>', 'where picture and sounds go', 'explanation');
  addSharedOptions(command, { device: true });
  command.addHelpText(
    'after',
    `
Writes saliency.png, salient.wav (each time and frequency as loud as it is salient), rest.wav (what is missing from
it) and explanation.json.

Examples:
  earshot explain runs/cnn/model.onnx bark.wav -o why
  earshot explain runs/cnn/model.onnx night.flac --from 7210 --to 7220
  earshot explain runs/cnn/model.onnx bark.wav --class siren --method grad-cam`,
  );
  command.action(async (model: string, file: string, options: Options) => {
    const { explain } = await import('../../workflows/explain.ts');
    const { method, map, class: label, from: fromSeconds, to: toSeconds } = options;
    const outcome = await withHooks(context, options, (hooks) =>
      explain({ ...hooks, model, file, out: options.output, label, method, map, fromSeconds, toSeconds }),
    );
    const { out, err } = context.terminal;
    for (const warning of outcome.warnings) err.line(`${err.colours.yellow('Warning:')} ${warning}`);
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    const { share, whole, withoutSalient, withoutRandom } = outcome.deletion;
    const p = (value: { probability: number }) => value.probability.toFixed(3);
    out.line(
      `${outcome.file}: ${out.colours.bold(outcome.label)} ${outcome.probability.toFixed(3)} (${outcome.method})`,
    );
    out.line(
      `Without the ${Math.round(100 * share)} % of the picture that are most salient its probability is ${p(withoutSalient)}, ` +
        `without as much at random places ${p(withoutRandom)}; of the whole ${p(whole)}.`,
    );
    out.line('');
    out.line(`Picture: ${outcome.picture}`);
    out.line(`Sound:   ${outcome.salient}`);
    out.line(`Rest:    ${outcome.rest}`);
  });
}
