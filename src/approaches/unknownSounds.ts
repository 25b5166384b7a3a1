/**
 * @file What an artefact knows of unknown sounds, in its metadata: thresholds on scores of held-out recordings, and where
 * its embeddings lie. The artefact's numbers stay as they are; its logits, which the energy needs, become an output.
 */
import { ParameterError, UsageError } from '../core/index.ts';
import type { Model, Node } from '../onnx/index.ts';
import {
  energyScore,
  type MahalanobisModel,
  mahalanobisFrom,
  mahalanobisScore,
  softmaxScore,
  type UnknownScore,
  unknownScores,
} from '../zeroShot/index.ts';
import type { ArtifactInfo } from './artifact.ts';

/** In the artefact's metadata under `unknown`. */
export interface UnknownInfo {
  /** Tensor of the graph that holds the logits; null where probabilities come from no softmax. */
  readonly logits: string | null;
  /** Share of known sounds that are called unknown, on the recordings that the thresholds were set by. */
  readonly falseAlarms: number;
  /** Below it a recording is of no class of the model. Null where the model cannot give the score. */
  readonly thresholds: Readonly<Record<UnknownScore, number | null>>;
  /** What they were set by. */
  readonly calibratedOn: { readonly dataset: string; readonly clips: number; readonly recordings: number };
  readonly mahalanobis: {
    readonly means: readonly (readonly number[])[];
    readonly directions: readonly (readonly number[])[];
    readonly variances: readonly number[];
    readonly rest: number;
  };
}

/** What the scores of a window are computed from. */
export interface WindowOutputs {
  readonly probabilities: ArrayLike<number>;
  readonly embedding: ArrayLike<number>;
  /** Null where the model does not give them. */
  readonly logits: ArrayLike<number> | null;
}

/** Nodes between probabilities and the softmax, and those of a temperature between a softmax and another one. */
const columns = new Set(['Identity', 'MatMul']);
const temperature = new Set(['Identity', 'Log', 'Div', 'Mul', 'Max', 'Clip']);

/**
 * The tensor that the (first) softmax of an artefact's probabilities was taken of; null where there is none, as where
 * probabilities come from a sigmoid per class. A temperature that was applied afterwards is looked through.
 */
export function logitsTensor({ graph }: Model): string | null {
  const makers = new Map<string, Node>(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  let logits: string | null = null;
  let at = makers.get('probabilities');
  while (at !== undefined) {
    if (at.opType === 'Softmax') logits = at.inputs[0];
    else if (!(logits === null ? columns : temperature).has(at.opType)) break;
    at = makers.get(at.inputs[0]);
  }
  return logits;
}

/** The artefact with its logits as an output, under the name they have inside. */
export function withLogits(model: Model, logits: string): Model {
  const { graph } = model;
  if (graph.outputs.some(({ name }) => name === logits)) return model;
  const output = { name: logits, dtype: 'float32', shape: null } as const;
  return { ...model, graph: { ...graph, outputs: [...graph.outputs, output] } };
}

/** The artefact with what it is to know of unknown sounds. */
export function withUnknown(model: Model, info: ArtifactInfo, unknown: UnknownInfo): Model {
  const stored: ArtifactInfo = { ...info, unknown };
  return { ...model, metadata: new Map([...model.metadata, ['earshot', JSON.stringify(stored)]]) };
}

/** A Mahalanobis model as numbers of seven digits, which is what float32 embeddings hold. */
export function storedMahalanobis({
  means,
  directions,
  variances,
  rest,
}: MahalanobisModel): UnknownInfo['mahalanobis'] {
  const short = (value: number) => Number(value.toPrecision(7));
  const rows = ({ data, rows: n, columns }: MahalanobisModel['means']) =>
    Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * columns, (i + 1) * columns), short));
  return {
    means: rows(means),
    directions: rows(directions),
    variances: Array.from(variances, short),
    rest: short(rest),
  };
}

/**
 * The score of a recording by those of its windows: their mean.
 * @throws {ParameterError} for the energy of a model without logits
 */
export function recordingScore(
  score: UnknownScore,
  windows: readonly WindowOutputs[],
  mahalanobis: MahalanobisModel | null,
): number {
  let sum = 0;
  for (const { probabilities, embedding, logits } of windows) {
    if (score === 'softmax') sum += softmaxScore(probabilities);
    else if (score === 'mahalanobis') sum += mahalanobisScore(mahalanobis!, embedding);
    else if (logits !== null) sum += energyScore(logits);
    else throw new ParameterError('The energy needs logits, and the probabilities of this model have none.');
  }
  return sum / windows.length;
}

/** Decides whether recordings are of a class that the artefact knows. */
export interface UnknownJudge {
  readonly score: UnknownScore;
  readonly threshold: number;
  readonly falseAlarms: number;
  value(windows: readonly WindowOutputs[]): number;
}

/**
 * @throws {UsageError} when the artefact was not told how to know unknown sounds, or cannot give the score
 */
export function unknownJudge(info: ArtifactInfo, score: UnknownScore, name: string): UnknownJudge {
  const { unknown } = info;
  if (unknown === undefined) {
    throw new UsageError(`The model ${name} has no threshold for unknown sounds.`, {
      hint: `Make one that has: earshot unknown ${name} DATASET -o OUT.onnx, with recordings it was not trained on.`,
    });
  }
  const threshold = unknown.thresholds[score];
  if (threshold === null) {
    throw new UsageError(`The model ${name} cannot give the score '${score}'.`, {
      hint: `It can give ${unknownScores.filter((other) => unknown.thresholds[other] !== null).join(', ')}.`,
    });
  }
  const distances = score === 'mahalanobis' ? mahalanobisFrom(unknown.mahalanobis) : null;
  return {
    score,
    threshold,
    falseAlarms: unknown.falseAlarms,
    value: (windows) => recordingScore(score, windows, distances),
  };
}
