/** @file The options that say what picture a network is fed: the same for training and for embedding. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EmbedderChoice } from '../workflows/embed.ts';
import { choiceOption, numbers, risingPair } from './optionValues.ts';

export const layoutNames = ['mel-frames', 'frames-mel', 'mel-frames-channels', 'frames-mel-channels'];

export type PictureOptions = Pick<
  EmbedderChoice,
  'pictureSize' | 'pictureScaling' | 'pictureRange' | 'pictureMean' | 'pictureDeviation'
>;

const optionNames = [
  ...(['pictureSize', 'pictureScaling', 'pictureRange', 'pictureMean', 'pictureDeviation'] as const),
];

/** The options under the group `group` of the command's help. */
export function addPictureOptions(command: Command, group: string): void {
  const options = [
    choiceOption(
      '--picture-layout <order>',
      "order of the axes of the model's picture (default: by the sizes the model fixes)",
      layoutNames,
    ),
    new Option(
      '--picture-size <n|HxW>',
      'size that pictures are resized to: one side of a square, or height x width (bands x frames), such as 128x431',
    ).argParser(pictureSize),
    choiceOption(
      '--picture-scaling <how>',
      "bands: standardise each mel band by the training side's mean and deviation; clip: each picture by its own; " +
        'none: the front end as it is (default: clip for an ONNX model and pretrained ResNets, where the front end is log-mel)',
      ['bands', 'clip', 'none'],
    ),
    new Option(
      '--picture-range <low,high>',
      "each picture's loudest 80 dB as values from low to high, such as -1,1",
    ).argParser(risingPair),
    new Option(
      '--picture-mean <list>',
      'subtracted from the picture then: one number, or one per channel',
    ).argParser(numbers),
    new Option(
      '--picture-deviation <list>',
      'what the picture is divided by then: one number, or one per channel',
    ).argParser(numbers),
  ];
  for (const option of options) command.addOption(option.helpGroup(group));
}

/** What was set of them. */
export function pictureChoices(options: PictureOptions): PictureOptions {
  return Object.fromEntries(
    optionNames.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}

/** `128`, or `128x431`. */
function pictureSize(text: string): number | [number, number] {
  const match = /^\s*(\d{1,5})(?:\s*[x×]\s*(\d{1,5}))?\s*$/i.exec(text);
  const sides = match === null ? [] : [match[1], match[2] ?? match[1]].map(Number);
  if (sides.length === 0 || sides.some((n) => n < 8 || n > 4096))
    throw new InvalidArgumentError('It must be a whole number from 8 to 4096, or two such as 128x431.');
  return match![2] === undefined ? sides[0] : [sides[0], sides[1]];
}
