/** @file The options that say which network embeds, through which front end and in which windows. */
import { type Command, Option } from 'commander';
import type { EmbedderChoice } from '../workflows/embed.ts';
import { choiceOption, number, wholeNumber } from './optionValues.ts';
import { addPictureOptions, type PictureOptions, pictureChoices } from './pictureOptions.ts';

export interface EmbedderOptions extends PictureOptions {
  network: string;
  embedding?: string;
  pictureLayout?: EmbedderChoice['layout'];
  weights?: string;
  inputRepr?: EmbedderChoice['inputRepr'];
  contentType?: EmbedderChoice['contentType'];
  embeddingSize?: number;
  context?: EmbedderChoice['context'];
  frontEnd?: string;
  sampleRate?: number;
  nMels?: number;
  windowSeconds?: number;
  hopSize?: number;
  center?: boolean;
}

/** @param options.optional the description of `--network` where it may be left out */
export function addEmbedderOptions(command: Command, options: { readonly optional?: string } = {}): void {
  const add = (group: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group));
  };
  add(
    'Network (what does not apply to the one named is refused):',
    new Option(
      '--network <name>',
      options.optional ??
        'a network here, such as resnet50, an ONNX model, or a model.onnx that earshot train wrote',
    ).makeOptionMandatory(options.optional === undefined),
    new Option('--weights <file>', "the network's pretrained weights, or random"),
    new Option('--embedding <name>', 'tensor of the ONNX model that is the embedding'),
    choiceOption('--input-repr <name>', 'spectrogram that the weights were trained on', [
      'linear',
      'mel128',
      'mel256',
    ]),
    choiceOption('--content-type <name>', 'recordings that the weights were trained on', ['music', 'env']),
    new Option('--embedding-size <n>', 'numbers in an embedding').argParser(wholeNumber({ min: 1 })),
    choiceOption(
      '--context <kind>',
      'whisper: windows of up to 30 s alone (clip, the default), or followed by silence up to 30 s, as published (full)',
      ['clip', 'full'],
    ),
  );
  addPictureOptions(command, 'Picture:');
  add(
    'Sound:',
    new Option('--front-end <name>', 'what turns sound into pictures, such as log-mel or yamnet'),
    new Option('--sample-rate <Hz>', 'rate everything is resampled to').argParser(
      wholeNumber({ min: 1000, max: 192000 }),
    ),
    new Option('--n-mels <n>', 'mel bands').argParser(wholeNumber({ min: 8, max: 512 })),
    new Option(
      '--window-seconds <x>',
      "length of a window (default: the front end's own, else 1 s)",
    ).argParser(number({ min: 0.05, max: 60 })),
    new Option('--hop-size <x>', 'seconds from one window to the next').argParser(
      number({ min: 0, max: 60, above: true }),
    ),
    new Option('--center', 'timestamps are the middles of windows: half a window of zeros leads'),
    new Option('--no-center', 'timestamps are the starts of windows'),
  );
}

export function embedderChoice(options: EmbedderOptions): EmbedderChoice {
  const { network, embedding, pictureLayout, weights, inputRepr, contentType } = options;
  const { embeddingSize, context, frontEnd, sampleRate, nMels, windowSeconds, hopSize, center } = options;
  return {
    ...pictureChoices(options),
    ...{ network, embedding, layout: pictureLayout, weights, inputRepr, contentType },
    ...{ embeddingSize, context, frontEnd, sampleRate, nMels, windowSeconds, hopSeconds: hopSize, center },
  };
}
