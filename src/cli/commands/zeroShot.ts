/** @file `earshot zero-shot`: recordings against labels in words. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { argmax } from '../../core/tensor.ts';
import type { HeardFile, PromptOptions, ZeroShotOptions, ZeroShotSetting } from '../../workflows/zeroShot.ts';
import { commandText } from '../commandLine.ts';
import {
  addSharedOptions,
  type Context,
  failureTeller,
  type Hooks,
  type SharedOptions,
  withHooks,
} from '../context.ts';
import { exitCodes } from '../exitCodes.ts';
import { names, wholeNumber } from '../optionValues.ts';
import { addPromptOptions, type PromptFlags, promptChoices } from '../promptOptions.ts';
import { type Terminal, writeJsonLine } from '../terminal.ts';
import { positionText } from '../timeText.ts';
import { addZeroShotEvaluate } from './zeroShotEvaluate.ts';
import { addZeroShotTrain } from './zeroShotTrain.ts';

interface Flags extends SharedOptions, PromptFlags {
  labels?: string[];
  weights?: string;
}

interface Options extends Flags {
  top?: number;
  crop?: ZeroShotOptions['crop'];
  timeline?: boolean;
}

export function addZeroShot(program: Command, context: Context): void {
  const command = program
    .command('zero-shot')
    .description('tell which of some labels in words is in recordings, without any training')
    // Options behind the name of a subcommand are the subcommand's.
    .enablePositionalOptions()
    .argument('<paths...>', 'sound files, or folders of them')
    .addOption(new Option('--top <k>', 'labels per file (default: 3)').argParser(wholeNumber({ min: 1 })))
    .addOption(
      new Option(
        '--crop <place>',
        'hear one piece of 10 s of a longer recording: start, centre, or the seed of a place to draw (default: all of it, in windows)',
      ).argParser(cropOf),
    )
    .addOption(new Option('--timeline', 'the likeliest label of each window too'));
  addLabelOptions(command);
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot zero-shot street.wav --labels "dog bark,siren,engine idling"
  earshot zero-shot recordings/ --labels-file labels.csv --top 1 --json
  earshot zero-shot night.flac --labels owl,fox,rain --template "This is a sound of {}." --template "I can hear {}."
  earshot zero-shot bake --labels "dog bark,siren" -o dog-or-siren.onnx

The weights of CLAP are fetched with earshot models pull clap-htsat-unfused. The exit code is 1 only if no file could be
heard.`,
  );
  command.action(async (paths: string[], options: Options) => {
    const { zeroShot } = await import('../../workflows/zeroShot.ts');
    requireLabels(options);
    const { terminal } = context;
    const { out, err } = terminal;
    const files: HeardFile[] = [];
    const failures: { file: string; message: string; hint?: string }[] = [];
    let setting: ZeroShotSetting | undefined;
    let done = 0;
    await withHooks(context, options, async (hooks, { note, aside }) => {
      const events = zeroShot({
        ...hooks,
        ...promptOptions(options),
        paths,
        crop: options.crop,
        top: options.top ?? 3,
        onReady: (ready) => {
          setting = ready;
          tellSetting(ready, hooks, note);
        },
      });
      const tellFailure = failureTeller(terminal.err.colours, note, 'Not heard');
      for await (const event of events) {
        if (!event.ok) {
          const { file, message, hint } = event;
          failures.push(hint === undefined ? { file, message } : { file, message, hint });
          tellFailure(event);
          continue;
        }
        done++;
        const { result } = event;
        for (const message of result.warnings) hooks.onNotice({ subject: result.file, message });
        if (options.json) files.push(result);
        else aside(() => print(result, setting!, terminal, options.timeline ?? false));
      }
    });
    if (options.json) writeJsonLine(out, { ...setting, files, failures });
    if (failures.length > 0) {
      const all = done + failures.length;
      err.line(`${failures.length} of ${all} file${all === 1 ? '' : 's'} could not be heard.`);
    }
    if (done === 0) context.setExitCode(exitCodes.failure);
  });
  addBake(command, context);
  addZeroShotTrain(command, context);
  addZeroShotEvaluate(command, context);
}

function addBake(zeroShot: Command, context: Context): void {
  const command = zeroShot
    .command('bake')
    .description('freeze labels into a model file: waveform in, probabilities out, no text encoder beside it')
    .addOption(new Option('-o, --output <file>', 'the model to write').makeOptionMandatory());
  addLabelOptions(command);
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot zero-shot bake --labels "dog bark,siren,engine idling" -o street.onnx
  earshot zero-shot bake --labels-file labels.csv --weights clap-htsat-unfused-safetensors -o birds.onnx

earshot classify and earshot evaluate take the file like any other model.`,
  );
  command.action(async (options: Flags & { output: string }) => {
    const { bakeZeroShot } = await import('../../workflows/zeroShot.ts');
    requireLabels(options);
    const outcome = await withHooks(context, options, async (hooks, { note }) => {
      const baked = await bakeZeroShot({ ...hooks, ...promptOptions(options), out: options.output });
      tellSetting(baked, hooks, note);
      return baked;
    });
    const { out } = context.terminal;
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    out.line(`Model:   ${outcome.out} (${(outcome.bytes / 1e6).toFixed(1)} MB)`);
    out.line(`Labels:  ${outcome.labels.map(({ label }) => label).join(', ')}`);
    out.line(`Use it:  ${commandText(['classify', outcome.out, 'FILE'])}`);
  });
}

function addLabelOptions(command: Command): void {
  const group = 'Labels and weights:';
  command.addOption(
    new Option('--labels <names>', 'labels separated by commas, such as "dog bark,siren"')
      .argParser(names)
      .helpGroup(group),
  );
  addPromptOptions(command, group);
  command.addOption(
    new Option(
      '--weights <dir>',
      'folder of a CLAP model, or the name of a fetched one (default: clap-htsat-unfused)',
    ).helpGroup(group),
  );
}

function promptOptions({ labels, weights, ...flags }: Flags): Omit<PromptOptions, keyof Hooks> {
  return { labels, weights, ...promptChoices(flags) };
}

function requireLabels({ labels, labelsFile }: Flags): void {
  if (labels !== undefined || labelsFile !== undefined) return;
  throw new UsageError('What is to be listened for? No label was given.', {
    hint: 'Add --labels "dog bark,siren", or --labels-file with the path of a table.',
  });
}

function cropOf(text: string): NonNullable<ZeroShotOptions['crop']> {
  if (text === 'start' || text === 'centre') return text;
  if (/^\d{1,9}$/.test(text)) return { seed: Number(text) };
  throw new InvalidArgumentError('It must be start, centre, or a whole number, the seed of a place to draw.');
}

function tellSetting(
  { weights, logitScale, logitScaleKnown }: ZeroShotSetting,
  hooks: Hooks,
  note: (text: string) => void,
) {
  note(weights);
  if (logitScaleKnown) return;
  hooks.onNotice({
    subject: 'probabilities',
    message: `ONNX exports leave out the factor that similarities were trained with: probabilities are made with ${logitScale.toFixed(2)}, where training began. The order of labels does not depend on it; --logit-scale sets it.`,
  });
}

function print(
  { file, scores, windows }: HeardFile,
  setting: ZeroShotSetting,
  { out }: Terminal,
  timeline: boolean,
): void {
  const shown = scores.map(({ label, probability, similarity }, i) => {
    const text = `${label} ${probability.toFixed(3)} (${similarity.toFixed(3)})`;
    return i === 0 ? out.colours.bold(text) : text;
  });
  out.line(`${file}  ${shown.join('  ')}`);
  if (!timeline) return;
  for (const { start, end, similarities } of windows) {
    const best = argmax(similarities);
    out.line(
      `  ${positionText(start).padStart(9)} – ${positionText(end).padEnd(9)} ${setting.labels[best].label} (${similarities[best].toFixed(3)})`,
    );
  }
}
