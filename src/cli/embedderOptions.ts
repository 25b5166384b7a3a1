/** @file The options that say which network embeds, through which front end and in which windows. */
import { type Command, Option } from 'commander';
import type { EmbedderChoice } from '../workflows/embed.ts';
import { layoutNames } from './commands/train.ts';
import { choiceOption, number, wholeNumber } from './optionValues.ts';

export interface EmbedderOptions {
  network: string;
  embedding?: string;
  pictureLayout?: EmbedderChoice['layout'];
  pictureSize?: number;
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

export function addEmbedderOptions(command: Command): void {
  const add = (group: string, ...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group));
  };
  add(
    'Network (what does not apply to the one named is refused):',
    new Option(
      '--network <name>',
      'a network here, such as resnet50, an ONNX model, or a model.onnx that earshot train wrote',
    ).makeOptionMandatory(),
    new Option('--weights <file>', "the network's pretrained weights, or random"),
    new Option('--embedding <name>', 'tensor of the ONNX model that is the embedding'),
    choiceOption(
      '--picture-layout <order>',
      "order of the axes of the model's picture (default: by the sizes the model fixes)",
      layoutNames,
    ),
    new Option('--picture-size <n>', 'side of the picture that the network sees').argParser(
      wholeNumber({ min: 32, max: 1024 }),
    ),
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
  const { network, embedding, pictureLayout, pictureSize, weights, inputRepr, contentType } = options;
  const { embeddingSize, context, frontEnd, sampleRate, nMels, windowSeconds, hopSize, center } = options;
  return {
    ...{ network, embedding, layout: pictureLayout, pictureSize, weights, inputRepr, contentType },
    ...{ embeddingSize, context, frontEnd, sampleRate, nMels, windowSeconds, hopSeconds: hopSize, center },
  };
}
