/** @file `earshot export`: a model of Earshot's in the form that other programs take. */
import {
  type ArtifactInfo,
  artifactInfo,
  type WhisperSettings,
  whisperSeconds,
  writeWhisperCheckpoint,
} from '../approaches/index.ts';
import { float32, GraphError, type Tensor } from '../core/index.ts';
import { parameterSpecs, type WhisperConfig, whisper } from '../networks/index.ts';
import { GraphBuilder, type Model } from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { inRunFolder } from './runFolder.ts';

export interface HuggingFaceExportOptions {
  /** Path of an artefact of the approach `whisper`. */
  readonly model: string;
  /** Folder that the files go to. */
  readonly out: string;
}

export interface HuggingFaceExport {
  readonly folder: string;
  readonly files: readonly string[];
  readonly classes: readonly string[];
  readonly config: WhisperConfig;
  /** Sentences on what the public class does otherwise than the model here. */
  readonly differences: readonly string[];
}

/**
 * Writes a folder that Hugging Face's WhisperForAudioClassification loads.
 * @throws {GraphError} when the model is no artefact, of another network, of another precision than float32, or with a
 *   head that the public class does not have
 */
export async function exportToHuggingFace(options: HuggingFaceExportOptions): Promise<HuggingFaceExport> {
  const { model: path, out } = options;
  const model = await readModel(path);
  const info = artifactInfo(model, path);
  const settings = whisperOf(info, path);
  const { classes } = info;
  if (settings.pooling !== 'mean') {
    throw new GraphError(
      `${path} pools by ${settings.pooling}; Hugging Face's class knows the mean over positions only.`,
      { hint: 'Train with --head mean to export there.' },
    );
  }
  const values = parametersOf(model, settings.config, classes.length, path);
  const config = heardConfig(settings.config, info);
  shortenPositions(values, config);
  const files = await inRunFolder(out, false, () => writeWhisperCheckpoint(out, { config, classes, values }));
  return { folder: out, files, classes, config, differences: differencesOf(info, settings, config) };
}

function whisperOf(info: ArtifactInfo, path: string): WhisperSettings {
  if (info.whisper !== undefined) return info.whisper;
  throw new GraphError(`${path} is no Whisper classifier: its network is ${info.network}.`, {
    hint: 'Only those have a class at Hugging Face. The file itself runs wherever ONNX Runtime does.',
  });
}

/** The parameters, which are constants of the graph under their own names. */
function parametersOf(
  model: Model,
  config: WhisperConfig,
  classes: number,
  path: string,
): Map<string, Tensor<'float32'>> {
  const specs = parameterSpecs(whisper({ classes, config }), [1, 1, config.nMels, 2], new GraphBuilder());
  return new Map(
    specs.map(({ name, shape }) => {
      const held = model.graph.initializers.get(name);
      if (held === undefined || held.dtype !== 'float32' || held.dims.join() !== shape.join()) {
        const what = held === undefined ? 'there is none' : `it is ${held.dtype} [${held.dims.join(', ')}]`;
        throw new GraphError(`${path} holds no float32 '${name}' of [${shape.join(', ')}]: ${what}.`, {
          hint: 'Export the model.onnx that training wrote, not one of reduced precision.',
        });
      }
      return [name, float32(shape, held.data as Float32Array)];
    }),
  );
}

/**
 * The public class takes pictures of one length: all positions. A model that hears shorter windows is told so by its
 * number of positions, where they are whole seconds, as the feature extractor counts.
 */
function heardConfig(config: WhisperConfig, { pipeline }: ArtifactInfo): WhisperConfig {
  const { windowSeconds } = pipeline;
  if (!Number.isInteger(windowSeconds) || windowSeconds >= whisperSeconds(config)) return config;
  return { ...config, maxPositions: windowSeconds * 50 };
}

function shortenPositions(values: Map<string, Tensor<'float32'>>, config: WhisperConfig): void {
  const name = 'encoder.embed_positions.weight';
  const shape = [config.maxPositions, config.width];
  const { data } = values.get(name)!;
  values.set(name, float32(shape, data.slice(0, config.maxPositions * config.width)));
}

function differencesOf(info: ArtifactInfo, { context }: WhisperSettings, config: WhisperConfig): string[] {
  const seconds = whisperSeconds(config);
  const { pad, windowSeconds } = info.pipeline;
  const fill: Readonly<Record<typeof pad, string | null>> = {
    zero: null,
    repeat: 'which are repeated here',
    copies: 'of which whole copies are made here',
    mask: 'which are left out here',
    none: 'which is not done here',
  };
  const filled = fill[pad];
  return [
    ...(windowSeconds < seconds && context === 'clip'
      ? [
          `The model hears windows of ${windowSeconds} s, the public class ${seconds} s, clips followed by silence.`,
        ]
      : []),
    ...(filled === null
      ? []
      : [
          `The public class fills clips shorter than ${seconds} s with zeros and hears them, ${filled}: those get other probabilities there.`,
        ]),
  ];
}
