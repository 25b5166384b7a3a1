/** @file What a run is made of, in two steps: settings and weights before the dataset is opened, the rest by its facts. */
import {
  type Approach,
  anyWindowSeconds,
  approachByName,
  checkOverrides,
  configureImported,
  embeddingTensor,
  importedApproach,
  isPromptApproach,
  isVectorApproach,
  networkWeightsSha256,
  type Overrides,
  openImportedModel,
  openWhisperCheckpoint,
  requireRunWeights,
  resolveConfig,
  resolvePromptRun,
  resolveVectorRun,
  vectorPipeline,
  weightsFile,
} from '../approaches/index.ts';
import { UsageError } from '../core/index.ts';
import type { Dataset } from '../datasets/index.ts';
import type { SplitRun } from './learner.ts';
import { suggestWindowSeconds } from './namedDataset.ts';
import { requireTrainablePart } from './networkStart.ts';
import type { TrainOptions } from './train.ts';

/** A run's settings, and what was read for it. */
export type MadeRun = Pick<SplitRun, 'config' | 'imported' | 'weightsSha256' | 'vectors' | 'clap'>;

/** A run whose settings and weights were found usable. */
export interface PreparedRun {
  /**
   * What depends on the dataset: the length of windows, and the number of classes.
   * @throws {WeightsError} when weights do not fit the network
   */
  forDataset(dataset: Dataset): Promise<MadeRun>;
}

/**
 * Checks what can be known without a dataset.
 * @throws {UsageError} for an approach and a network at once, a network without the name of its embedding, and for
 *   settings that do not apply
 * @throws {ParameterError} for an approach there is not, and values out of range
 * @throws {WeightsError} when weights are missing or cannot be read
 */
export async function prepareRun(
  options: Pick<TrainOptions, 'approach' | 'network' | 'overrides' | 'seed'>,
): Promise<PreparedRun> {
  const { approach = 'cnn', overrides, seed = 0 } = options;
  const named = approachByName(approach);
  const chosen = await chosenNetwork(options);
  if (isVectorApproach(named)) {
    checkOverrides(named, seed, overrides);
    // A model's vectors depend on how long the dataset's clips are; those of a named network do not.
    const resolve = (windowSeconds: number) =>
      resolveVectorRun(named, windowSeconds, seed, overrides, chosen ?? undefined);
    const { config, vectors } = await resolve(anyWindowSeconds);
    return {
      async forDataset(dataset) {
        const suggested = await suggestWindowSeconds(dataset);
        if (chosen !== null) return resolve(suggested);
        const windowSeconds = overrides?.windowSeconds ?? suggested;
        return { config: { ...config, pipeline: vectorPipeline(vectors, windowSeconds) }, vectors };
      },
    };
  }
  if (chosen !== null) {
    const { imported } = chosen;
    const configOf = (windowSeconds: number) =>
      configureImported(resolveConfig(importedApproach, windowSeconds, seed, overrides), imported, {
        ...chosen,
        ...(overrides?.fromScratch ? { fromScratch: true } : {}),
      });
    configOf(anyWindowSeconds);
    return {
      async forDataset(dataset) {
        const config = configOf(await suggestWindowSeconds(dataset));
        requireTrainablePart(config, imported);
        return { config, imported };
      },
    };
  }
  checkOverrides(named, seed, overrides);
  if (isPromptApproach(named)) {
    return { forDataset: ({ classes }) => resolvePromptRun(named, classes, seed, overrides) };
  }
  const shaped = await withWhisperShape(named, overrides);
  const weightsSha256 = await networkWeightsSha256(resolveConfig(named, anyWindowSeconds, seed, shaped));
  return {
    async forDataset(dataset) {
      const config = resolveConfig(named, await suggestWindowSeconds(dataset), seed, shaped);
      await requireRunWeights(config);
      requireTrainablePart(config);
      return { config, weightsSha256 };
    },
  };
}

/** The choices with the shape of the Whisper encoder that the weights are of, where they say it. */
async function withWhisperShape(
  { network }: Approach,
  overrides: Overrides | undefined,
): Promise<Overrides | undefined> {
  const weights = overrides?.weights;
  if (network !== 'whisper' || weights === undefined) return overrides;
  const path = await weightsFile(network, { weights });
  // A model that Earshot wrote holds the weights; its size must be named.
  if (path === null || /\.onnx$/i.test(path)) return overrides;
  const { config } = await openWhisperCheckpoint(path);
  return { ...overrides, whisper: { config, ...overrides?.whisper } };
}

/** The model of `network`, read; null where an approach is trained. */
async function chosenNetwork({
  approach,
  network,
  overrides,
}: Pick<TrainOptions, 'approach' | 'network' | 'overrides'>) {
  if (network === undefined) return null;
  const frozen = approach === undefined ? null : approachByName(approach);
  const takesModel = frozen !== null && isVectorApproach(frozen) && frozen.network === 'model';
  if (approach !== undefined && !takesModel) {
    throw new UsageError(`Either an approach ('${approach}') or a network ('${network.file}') is trained.`, {
      hint: 'Leave one of them out.',
    });
  }
  if (overrides?.weights !== undefined) {
    throw new UsageError(
      'The network of an ONNX model brings its own weights; --weights is for approaches.',
      {
        hint: 'Leave --weights out.',
      },
    );
  }
  const imported = await openImportedModel(network.file);
  const { layout } = network;
  const use = takesModel ? 'are the vectors' : 'shall the head stand on';
  const embedding = embeddingTensor(imported, network.embedding, use);
  return { imported, embedding, ...(layout === undefined ? {} : { layout }) };
}
