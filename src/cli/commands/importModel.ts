/** @file `earshot import`: a classifier trained elsewhere as one model file. */
import { type Command, Option } from 'commander';
import type { ImportModelOptions } from '../../workflows/importModel.ts';
import type { Context } from '../context.ts';
import { choiceOption } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options {
  output: string;
  context?: ImportModelOptions['context'];
  json?: boolean;
}

export function addImport(program: Command, context: Context): void {
  program
    .command('import')
    .description(
      'turn a Whisper classifier of Hugging Face into one model file: waveform in, probabilities out',
    )
    .argument('<folder>', 'a WhisperForAudioClassification: config.json, safetensors')
    .addOption(new Option('-o, --output <file>', 'the model file to write').makeOptionMandatory())
    .addOption(
      choiceOption(
        '--context <kind>',
        'hear clips followed by silence up to 30 s, as in Python (full, the default), or alone (clip)',
        ['full', 'clip'],
      ),
    )
    .addOption(new Option('--json', 'print the result as one JSON document on stdout'))
    .addHelpText(
      'after',
      `
Examples:
  earshot import whisper-tiny-urbansound -o model.onnx
  earshot classify model.onnx street.wav
  earshot evaluate model.onnx UrbanSound8K --folds 10`,
    )
    .action(async (folder: string, options: Options) => {
      const { importModel } = await import('../../workflows/importModel.ts');
      const { output, context: heard, json } = options;
      const { model, bytes, info } = await importModel({
        path: folder,
        out: output,
        ...(heard === undefined ? {} : { context: heard }),
      });
      const { out } = context.terminal;
      if (json) {
        writeJsonLine(out, { model, bytes, info });
        return;
      }
      out.line(`Model:   ${model} (${(bytes / 1e6).toFixed(1)} MB)`);
      out.line(`Classes: ${info.classes.join(', ')}`);
      out.line(`Hears:   ${hearing(info.windowSeconds, info.pad)}`);
      out.line(info.weights);
      out.line(`Use it:  earshot classify ${model} FILE`);
    });
}

function hearing(seconds: number, pad: string): string {
  return pad === 'none'
    ? `clips as they are, longer ones in windows of ${seconds} s`
    : `windows of ${seconds} s, shorter clips followed by silence`;
}
