/** @file `earshot index`: the embeddings of a dataset, to look recordings up in. */
import { type Command, Option } from 'commander';
import type { IndexOptions } from '../../workflows/indexDataset.ts';
import { commandText } from '../commandLine.ts';
import { addSharedOptions, type Context, noticeText, type SharedOptions, withHooks } from '../context.ts';
import { addEmbedderOptions, type EmbedderOptions, embedderChoice } from '../embedderOptions.ts';
import { choiceOption } from '../optionValues.ts';
import { resumable } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions, EmbedderOptions {
  output: string;
  pooling?: 'windows' | NonNullable<IndexOptions['pooling']>;
  subset?: 'esc10';
}

/** A test compares these with what the library knows. */
const poolingNames = ['windows', 'mean', 'mean-deviation', 'max'] as const;

export function addIndex(program: Command, context: Context): void {
  const command = program
    .command('index')
    .description('embed a dataset once, so that earshot similar and data inspect can look things up in it')
    .argument(
      '<dataset>',
      "folder of UrbanSound8K, ESC-50, ESC-10, a folder per class, a CSV manifest, or 'demo'",
    )
    .addOption(new Option('-o, --output <dir>', 'folder of the index').makeOptionMandatory())
    .addOption(
      choiceOption('--pooling <kind>', 'a row per window, or one per clip (default: windows)', poolingNames),
    )
    .addOption(choiceOption('--subset <name>', 'of ESC-50, only this part', ['esc10']));
  addEmbedderOptions(command);
  addSharedOptions(command, { cache: true, device: true }).addHelpText(
    'after',
    `
Examples:
  earshot index UrbanSound8K --network yamnet.onnx --embedding embedding --front-end yamnet -o indexes/urban
  earshot index recordings/ --network runs/cnn/model.onnx --pooling mean -o indexes/mine
  earshot similar street.wav --index indexes/urban

The same command goes on where it was stopped; what was embedded is in the cache.`,
  );
  command.action(async (dataset: string, options: Options) => {
    const { indexDataset } = await import('../../workflows/indexDataset.ts');
    const { out, err } = context.terminal;
    const { info, made, notices } = await resumable(commandText(context.words), () =>
      withHooks(context, options, (hooks) =>
        indexDataset({
          ...hooks,
          dataset,
          subset: options.subset,
          embedder: embedderChoice(options),
          out: options.output,
          pooling: options.pooling === 'windows' ? null : options.pooling,
        }),
      ),
    );
    const { clips, rows, size, embedder, failures } = info;
    if (options.json) {
      const { fingerprint } = info.dataset;
      writeJsonLine(out, {
        ...{ output: options.output, made, dataset: info.dataset.name, fingerprint, embedder },
        ...{ pooling: info.pooling, clips: clips.length, rows, size, failures, notices },
      });
      return;
    }
    for (const failure of failures) err.line(`${err.colours.red('Not indexed:')} ${noticeText(failure)}`);
    for (const notice of notices) err.line(`${err.colours.yellow('Note:')} ${noticeText(notice)}`);
    out.line(`${info.dataset.name}: ${clips.length} clips, ${rows} rows of ${size} numbers`);
    out.line(embedder.weights.description);
    if (!made) out.line('It was there already, of the same data.');
    out.line(`Index:   ${options.output}`);
    out.line(`Use it:  ${commandText(['similar', 'FILE', '--index', options.output])}`);
  });
}
