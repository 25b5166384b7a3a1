/** @file The network of a run, and what its parameters start from. */
import {
  createNetwork,
  type ImportedModel,
  importedWeights,
  type NetworkRunConfig,
  startingValues,
} from '../approaches/index.ts';
import { Random } from '../core/index.ts';
import { windowSamplesOf } from '../extraction/index.ts';
import { frontEndFrames } from '../features/index.ts';
import { initializeParameters, loraNetwork, type Network, type ParameterValues } from '../networks/index.ts';
import { networkParameters, trainableParameters } from '../training/index.ts';

export interface NetworkStart {
  /** The network without adapters: what becomes the artefact. */
  readonly base: Network;
  /** What is trained: the base, or the base with adapters. */
  readonly network: Network;
  /** Merges trained adapters into the base's parameters; null without adapters. */
  readonly merge: ReturnType<typeof loraNetwork>['merge'] | null;
  readonly initial: ParameterValues;
  /** A sentence for reports: `random`, or what was loaded. */
  readonly weights: string;
  /** Size of the pictures. */
  readonly nMels: number;
  readonly nFrames: number;
}

/**
 * Makes the network and reads its weights.
 * @param classes how many
 * @param imported the model that the network is made from, where `config` names one
 * @throws {WeightsError} when weights are missing, cannot be read, or do not fit the network
 */
export async function networkStart(
  config: NetworkRunConfig,
  classes: number,
  imported?: ImportedModel,
): Promise<NetworkStart> {
  const { base, network, merge, nMels, nFrames } = runNetwork(config, classes, imported);
  const { seed } = config.training;
  const specs = networkParameters(network, nMels, nFrames);
  const drawn = () => initializeParameters(specs, new Random(`${seed}/parameters`));
  const common = { base, network, merge, nMels, nFrames };
  // An imported network's parameters begin as the model's own.
  const own = importedWeights(config);
  if (own !== null) return { ...common, initial: drawn(), weights: own };
  const baseSpecs = network === base ? specs : networkParameters(base, nMels, nFrames);
  const { values, weights } = await startingValues(base, baseSpecs, seed, config.network);
  return { ...common, initial: network === base ? values : new Map([...drawn(), ...values]), weights };
}

/** Checks that the part to be trained is one of the network. @throws {ParameterError} for more parameters than there are */
export function requireTrainablePart(config: NetworkRunConfig, imported?: ImportedModel): void {
  // How many classes there are decides no more than the size of the head.
  const { network, nMels, nFrames } = runNetwork(config, 2, imported);
  trainableParameters(network, config.training.trainable, networkParameters(network, nMels, nFrames));
}

function runNetwork(config: NetworkRunConfig, classes: number, imported: ImportedModel | undefined) {
  const { frontEnd } = config.pipeline;
  const { nMels } = frontEnd;
  const nFrames = frontEndFrames(windowSamplesOf(config.pipeline), frontEnd);
  const base = createNetwork(config, classes, imported);
  const { lora } = config.network;
  const adapted = lora === undefined ? null : loraNetwork(base, lora, [1, 1, nMels, nFrames]);
  return { base, network: adapted ?? base, merge: adapted?.merge ?? null, nMels, nFrames };
}
