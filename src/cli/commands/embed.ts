/** @file `earshot embed`: recordings to files of embeddings. */
import { type Command, Option } from 'commander';
import type { EmbedderSpec, EmbedEvent } from '../../workflows/embed.ts';
import { commandText } from '../commandLine.ts';
import { addSharedOptions, type Context, failureTeller, type SharedOptions, withHooks } from '../context.ts';
import { addEmbedderOptions, type EmbedderOptions, embedderChoice } from '../embedderOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { choiceOption } from '../optionValues.ts';
import { resumable } from '../runDirectory.ts';
import { writeJsonLine } from '../terminal.ts';

interface Options extends SharedOptions, EmbedderOptions {
  output: string;
  format?: 'npz' | 'parquet' | 'json';
  pool?: 'mean' | 'none';
}

export function addEmbed(program: Command, context: Context): void {
  const command = program
    .command('embed')
    .description('turn recordings into vectors with a pretrained network; one file of them per recording')
    .argument('<files...>', 'sound files, folders of them, or patterns')
    .addOption(
      new Option('-o, --output <dir>', 'folder that the files of embeddings go to').makeOptionMandatory(),
    )
    .addOption(choiceOption('--format <name>', 'what is written (default: npz)', ['npz', 'parquet', 'json']))
    .addOption(
      choiceOption(
        '--pool <how>',
        "of Whisper's positions: one vector per window, their mean (the default), or all of them (none)",
        ['mean', 'none'],
      ),
    );
  addEmbedderOptions(command);
  addSharedOptions(command, { device: true }).addHelpText(
    'after',
    `
Examples:
  earshot embed recordings/ --network yamnet.onnx --embedding embedding --front-end yamnet -o embeddings
  earshot embed 'night/**/*.flac' --network resnet50 --weights resnet50.safetensors --hop-size 0.5 -o vectors
  earshot embed recordings/ --network whisper --weights whisper-tiny --context clip --pool none -o frames
  earshot embed a.wav b.wav --network runs/cnn/model.onnx --format parquet -o vectors

The same command goes on where it was stopped: what is there and made from the same recording with the same settings
is kept. The exit code is 1 only if no file could be embedded.`,
  );
  command.action(async (paths: string[], options: Options) => {
    const { embed } = await import('../../workflows/embed.ts');
    const { terminal } = context;
    const { out, err } = terminal;
    const counts = { written: 0, kept: 0, failed: 0 };
    const files: EmbedEvent[] = [];
    let spec: EmbedderSpec | undefined;
    await resumable(commandText(context.words), () =>
      withHooks(context, options, async (hooks, { note, aside }) => {
        const events = embed({
          ...hooks,
          paths,
          embedder: { ...embedderChoice(options), pool: options.pool },
          out: options.output,
          format: options.format,
          onEmbedder: (embedder) => {
            spec = embedder;
            note(embedder.weights.description);
          },
        });
        const tellFailure = failureTeller(context.terminal.err.colours, note, 'Not embedded');
        for await (const event of events) {
          counts[event.state]++;
          if (options.json) files.push(event);
          if (event.state === 'failed') tellFailure(event);
          if (event.state !== 'written') continue;
          for (const message of event.warnings) hooks.onNotice({ subject: event.file, message });
          if (!options.json)
            aside(() =>
              out.line(
                `${event.file}  ${countText(event.windows, options.pool === 'none' ? 'position' : 'window')}  ${event.output}`,
              ),
            );
        }
      }),
    );
    if (options.json) {
      const failures = files.filter(({ state }) => state === 'failed').map(({ state: _, ...rest }) => rest);
      const done = files.filter(({ state }) => state !== 'failed');
      writeJsonLine(out, { embedder: spec, output: options.output, files: done, failures });
    }
    const { written, kept, failed } = counts;
    err.line(`${written} written, ${kept} kept from before, ${failed} could not be embedded.`);
    if (written + kept === 0) context.setExitCode(exitCodes.failure);
  });
}

function countText(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
