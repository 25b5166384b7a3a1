/** @file The approaches that train nothing: classes become prompts, and sounds are compared with them. */
import { UsageError } from '../../core/index.ts';
import { type ClapSpec, clapSpec, clapWindow } from '../../features/index.ts';
import { usualTolerance } from '../../windows/index.ts';
import { checkCalibrationFraction, type Overrides, type PromptRunConfig } from '../runConfig.ts';
import { type ClapModel, openClap } from './clapModel.ts';
import {
  type LabelDescriptions,
  type PromptedLabel,
  plainLabels,
  promptsFor,
  readLabelFile,
} from './prompts.ts';

export interface PromptApproach {
  readonly name: string;
  readonly description: string;
  readonly network: 'clap';
}

export const promptApproaches: readonly PromptApproach[] = [
  {
    name: 'clap',
    description:
      'Zero-shot: CLAP compares sounds with the names of the classes; nothing is trained. Needs --weights.',
    network: 'clap',
  },
];

/** The settings that apply to these approaches; of training none does. */
const applicable = new Set<keyof Overrides>(['weights', 'prompts', 'calibrationFraction']);

/** What a model says of its training that had none. */
export const zeroShotTraining = {
  dataset: 'nothing',
  synthetic: false,
  fingerprint: '',
  split: 'zero-shot: labels in words, no clip of any dataset here',
} as const;

/** How recordings are cut for CLAP: 10 s at a time, shorter ones as they are (the front end fills them up). */
export function clapPipeline({ sampleRate }: ClapSpec) {
  const windowSeconds = clapWindow.samples / sampleRate;
  const cutting = { pad: 'none', overlap: 0, tolerance: usualTolerance } as const;
  return { sampleRate, windowSeconds, ...cutting, frontEnd: null } as const;
}

/**
 * The settings of a run, and the model they name.
 * @param classes of the dataset: every one becomes a label
 * @throws {UsageError} for a setting that does not apply, and for descriptions of what is no class
 * @throws {WeightsError} when the weights are not there, or do not fit
 */
export async function resolvePromptRun(
  approach: PromptApproach,
  classes: readonly string[],
  seed: number,
  o: Overrides = {},
): Promise<{ config: PromptRunConfig; clap: ClapModel }> {
  checkPromptOverrides(approach, o);
  const { templates, labelsFile, logitScale, int16 = false } = o.prompts ?? {};
  const labels = await promptedClasses(classes, templates, labelsFile);
  const clap = await openClap(o.weights);
  const frontEnd: ClapSpec = { ...clapSpec, int16 };
  return {
    clap,
    config: {
      approach: approach.name,
      pipeline: clapPipeline(frontEnd),
      prompts: { frontEnd, labels, logitScale: logitScale ?? clap.logitScale, weights: clap.weights },
      ...(o.calibrationFraction ? { calibrationFraction: o.calibrationFraction } : {}),
      seed,
    },
  };
}

/** @throws {UsageError} for a setting that does not apply @throws {ParameterError} on a value out of range */
export function checkPromptOverrides(approach: PromptApproach, o: Overrides): void {
  const wrong = (Object.keys(o) as (keyof Overrides)[]).find(
    (key) => o[key] !== undefined && !applicable.has(key),
  );
  if (wrong !== undefined) {
    throw new UsageError(`The setting ${wrong} is about training; ${approach.name} trains nothing.`, {
      hint: 'Leave it out.',
    });
  }
  checkCalibrationFraction(o);
}

/**
 * The prompts of classes, in their order: descriptions from a file, templates for those without.
 * @throws {UsageError} for descriptions of what is no class
 */
export async function promptedClasses(
  classes: readonly string[],
  templates: readonly string[] | undefined,
  labelsFile: string | undefined,
): Promise<PromptedLabel[]> {
  const described: LabelDescriptions = labelsFile === undefined ? new Map() : await readLabelFile(labelsFile);
  const unknown = [...described.keys()].find((label) => !classes.includes(label));
  if (unknown !== undefined) {
    throw new UsageError(`${labelsFile} describes '${unknown}', which is no class of the dataset.`, {
      hint: `Its classes are ${classes.join(', ')}.`,
    });
  }
  // In the dataset's order, which is that of the model's probabilities.
  return promptsFor(new Map([...plainLabels(classes), ...described]), templates);
}
