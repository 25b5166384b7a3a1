/**
 * @file What is said of a network's weights, in one word or a sentence, and what it means: `none`, `random` (trained from
 * random numbers), the sentence of {@link untrainedWeights}, or a sentence on what was loaded.
 */

export const noWeights = 'none';

/** The word that asks for random weights, and that says that a network was trained from them. */
export const randomWeights = 'random';

const untrained = 'Random weights';

/** What is said of a network of random weights that is used as it is. */
export function untrainedWeights(network: string, size?: string): string {
  return `${untrained}${size === undefined ? '' : ` of the size ${size}`}: ${network} has learnt nothing.`;
}

/** What is said of weights, as it stands after the label "Weights:". */
export function weightsAfterLabel(said: string): string {
  return said.replace(/^Weights (?=from )/, '');
}

/** `untrained`: random and frozen. */
export type WeightsOrigin = 'none' | 'random' | 'untrained' | 'pretrained';

export function weightsOrigin(said: string): WeightsOrigin {
  if (said === noWeights || said === randomWeights) return said;
  return said.startsWith(untrained) ? 'untrained' : 'pretrained';
}
