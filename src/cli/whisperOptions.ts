/** @file Options about Whisper's encoder and its head. */
import { type Command, Option } from 'commander';
import type { TrainOptions } from '../workflows/train.ts';
import { choiceOption } from './optionValues.ts';

type WhisperChoices = NonNullable<NonNullable<TrainOptions['overrides']>['whisper']>;

export interface WhisperOptions {
  whisperSize?: WhisperChoices['size'];
  context?: WhisperChoices['context'];
  head?: WhisperChoices['pooling'];
  layerSum?: boolean;
}

/** A test compares these with what the library knows. */
export const whisperSizeNames = [
  ...(['mini', 'tiny', 'base', 'small', 'medium'] as const),
  ...(['large-v2', 'large-v3', 'turbo'] as const),
];

export function addWhisperOptions(command: Command): void {
  const group = 'Whisper (--approach whisper):';
  for (const option of [
    choiceOption(
      '--whisper-size <name>',
      'shape of the encoder (default: that of --weights; without weights: mini, a reduced one that learns from scratch on a CPU)',
      whisperSizeNames,
    ),
    choiceOption(
      '--context <kind>',
      "what the encoder hears: windows of the clips' own length (clip, the default), or 30 s filled with silence, as published (full)",
      ['clip', 'full'],
    ),
    choiceOption(
      '--head <kind>',
      'one vector of all positions by their mean (the default) or by attention that is learnt',
      ['mean', 'attention'],
    ),
    new Option('--layer-sum', 'the head sees a learnt sum of what all layers give, not the last alone'),
  ])
    command.addOption(option.helpGroup(group));
}

/** What was set explicitly; undefined where nothing was. */
export function whisperChoices(options: WhisperOptions): WhisperChoices | undefined {
  const { whisperSize, context, head, layerSum } = options;
  const chosen: WhisperChoices = {
    ...(whisperSize === undefined ? {} : { size: whisperSize }),
    ...(context === undefined ? {} : { context }),
    ...(head === undefined ? {} : { pooling: head }),
    ...(layerSum === undefined ? {} : { layerSum }),
  };
  return Object.keys(chosen).length === 0 ? undefined : chosen;
}
