/**
 * @file What a finished artefact says about itself. Apart from how one is made, which takes networks and gradients: a
 * command that only runs one must start at once.
 */
import { GraphError, ParameterError, parseRecord } from '../core/index.ts';
import type { Model } from '../onnx/index.ts';
import { overlappingWindows, type Windowing } from '../windows/index.ts';
import type { ArtifactInfo, CalibrationInfo } from './artifact.ts';
import { artifactRecord } from './artifactRecord.ts';

/**
 * The calibration of a model.
 * @throws {ParameterError} when it was trained without
 */
export function requireCalibration({ calibration }: ArtifactInfo, name: string): CalibrationInfo {
  if (calibration !== undefined) return calibration;
  throw new ParameterError(
    `${name} was trained without clips held out for calibration, so it makes no prediction sets.`,
    { hint: 'Train it with --calibration-fraction 0.2.' },
  );
}

/** How recordings are cut into the windows that an artefact hears. */
export function artifactWindowing(info: ArtifactInfo): Windowing {
  const { sampleRate, windowSamples, overlap, pad, pipeline } = info;
  const { tolerance = 0 } = pipeline;
  return overlappingWindows({ sampleRate, samples: windowSamples, overlap, pad, tolerance });
}

/**
 * Reads what an artefact says about itself.
 * @throws {GraphError} if the model is no Earshot artefact, its metadata are damaged or of another version, or do not
 *   fit its outputs
 */
export function artifactInfo(model: Model, name: string): ArtifactInfo {
  const text = model.metadata.get('earshot');
  if (text === undefined) {
    throw new GraphError(
      `${name} is an ONNX model but not an Earshot artefact: it has no 'earshot' metadata.`,
      {
        hint: "Pass the model.onnx that 'earshot train' wrote.",
      },
    );
  }
  const info = parseRecord(artifactRecord, text, {
    name,
    what: 'an Earshot artefact',
    error: GraphError,
    version: { field: 'format', supported: [1] },
    hint: "Its metadata are damaged. Make it again with 'earshot train'.",
  });
  for (const [output, size, what] of [
    ['probabilities', info.classes.length, `names ${info.classes.length} classes`],
    ['embedding', info.embeddingSize, `states an embedding of ${info.embeddingSize} numbers`],
  ] as const) {
    const found = model.graph.outputs.find((other) => other.name === output);
    const given = found?.shape?.at(-1);
    if (found === undefined || (typeof given === 'number' && given !== size)) {
      const but = found === undefined ? 'has no such output' : `its output has ${given} columns`;
      throw new GraphError(`${name} is not an Earshot artefact: it ${what}, but '${output}' ${but}.`, {
        hint: "Make it again with 'earshot train'.",
      });
    }
  }
  return info;
}
