/** @file `earshot export`: a trained model in the form that other programs take. */
import { type Command, Option } from 'commander';
import type { Context } from '../context.ts';
import { choiceOption } from '../optionValues.ts';
import { requireEmpty } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options {
  to: 'huggingface';
  output: string;
  json?: boolean;
}

export function addExport(program: Command, context: Context): void {
  program
    .command('export')
    .description('write a trained model in the form that other programs take')
    .argument('<model>', 'a model.onnx that earshot train or earshot import wrote')
    .addOption(
      choiceOption(
        '--to <form>',
        'huggingface: a folder that WhisperForAudioClassification.from_pretrained loads, of a Whisper classifier',
        ['huggingface'],
      ).makeOptionMandatory(),
    )
    .addOption(new Option('-o, --output <dir>', 'folder that the files go to').makeOptionMandatory())
    .addOption(new Option('--json', 'print the result as one JSON document on stdout'))
    .addHelpText(
      'after',
      `
Example:
  earshot export runs/whisper/model.onnx --to huggingface -o whisper-tiny-urbansound`,
    )
    .action(async (model: string, options: Options) => {
      const { exportToHuggingFace } = await import('../../workflows/exportModel.ts');
      await requireEmpty(options.output, 'Give another folder with -o.');
      const made = await exportToHuggingFace({ model, out: options.output });
      const { out } = context.terminal;
      if (options.json) {
        writeJsonLine(out, made);
        return;
      }
      for (const file of made.files) out.line(file);
      for (const difference of made.differences) out.line(difference);
    });
}
