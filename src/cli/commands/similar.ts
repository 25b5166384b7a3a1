/** @file `earshot similar`: what in an index sounds like a recording. */
import { type Command, Option } from 'commander';
import { addSharedOptions, type Context, type SharedOptions, withHooks } from '../context.ts';
import { wholeNumber } from '../optionValues.ts';
import { writeJsonLine } from '../terminal.ts';
import { positionText } from '../timeText.ts';

interface Options extends SharedOptions {
  index: string;
  top: number;
}

export function addSimilar(program: Command, context: Context): void {
  const command = program
    .command('similar')
    .description('find the clips of an index that sound most like a recording')
    .argument('<file>', 'sound file')
    .addOption(new Option('--index <dir>', 'folder that earshot index wrote').makeOptionMandatory())
    .addOption(new Option('--top <k>', 'clips to name').argParser(wholeNumber({ min: 1 })).default(5));
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot similar street.wav --index indexes/urban
  earshot similar street.wav --index indexes/urban --top 20 --json`,
  );
  command.action(async (file: string, options: Options) => {
    const { similar } = await import('../../workflows/similar.ts');
    const outcome = await withHooks(context, options, async (hooks) => {
      const found = await similar({ ...hooks, file, index: options.index, top: options.top });
      for (const message of found.warnings) hooks.onNotice({ subject: file, message });
      return found;
    });
    const { out } = context.terminal;
    if (options.json) {
      writeJsonLine(out, outcome);
      return;
    }
    for (const { similarity, label, path, at, same } of outcome.clips) {
      const where = at === null ? '' : `  at ${positionText(at.clip)}, like ${positionText(at.query)} here`;
      out.line(
        `${similarity.toFixed(3)}  ${out.colours.bold(label)}  ${path}${where}${same ? '  (the same file)' : ''}`,
      );
    }
  });
}
