/**
 * @file Whisper's encoder as an embedder: windows of up to 30 s of waveform, each as long as the recording lets it be;
 * one vector per window, the mean over its positions, or all of them. The front end is in the graph, because the last
 * window of a recording is shorter than the others.
 */
import { ParameterError, Random, randomWeights, UsageError, untrainedWeights } from '../core/index.ts';
import type { EmbedderDescription, Windowing } from '../embeddings/browser.ts';
import { frontEndNodes, whisperContexts, whisperFullSamples, whisperSpec } from '../features/index.ts';
import {
  inferenceContext,
  initializeParameters,
  loadWeights,
  meanOverPositions,
  type ParameterValues,
  parameterSpecs,
  type WhisperConfig,
  whisper,
  whisperEncoder,
  whisperSizes,
} from '../networks/index.ts';
import { GraphBuilder, type Value } from '../onnx/index.ts';
import { usualTolerance } from '../windows/index.ts';
import type { EmbedderChoice, EmbedderOption } from './embedderChoice.ts';
import { weightsFile } from './startingWeights.ts';
import { openWhisperCheckpoint, whisperFrontEndOf, whisperSeconds } from './whisperCheckpoint.ts';

const sampleRate = 16_000;
/** A position of the encoder: two frames of 160 samples. */
const positionSamples = 320;

export const whisperEmbedder = {
  name: 'whisper',
  description:
    "Whisper's encoder, sizes tiny to large-v3: the mean of its positions, or all of them (50 a second).",
  options: ['weights', 'context', 'pool'] as readonly EmbedderOption[],
  describe,
} as const;

/**
 * The embedder, not loaded yet.
 * @throws {UsageError} without weights
 * @throws {WeightsError} when they cannot be read, or are of no Whisper encoder
 */
async function describe(choice: EmbedderChoice): Promise<EmbedderDescription> {
  const { weights: named, context = 'clip', pool = 'mean' } = choice;
  if (named === undefined) {
    throw new UsageError('The network whisper needs its pretrained weights.', {
      hint: 'Name a folder or a file with --weights, or fetch some: earshot models pull whisper-tiny, then --weights whisper-tiny. To try things out without, --weights random.',
    });
  }
  if (!whisperContexts.includes(context)) {
    throw new ParameterError(`There is no context '${String(context)}' of Whisper.`, {
      hint: `There are ${whisperContexts.join(' and ')}.`,
    });
  }
  const { config, values, weights } = await frozen(named);
  if (context === 'full' && whisperSeconds(config) * sampleRate !== whisperFullSamples) {
    throw new UsageError(
      `This encoder hears ${whisperSeconds(config)} s at most; the full context is 30 s.`,
      {
        hint: 'Choose --context clip.',
      },
    );
  }
  const frontEnd = whisperSpec(whisperFrontEndOf(config), context);
  const samples = config.maxPositions * positionSamples;
  const windowing: Windowing = {
    ...{ samples, hopSamples: samples, hopSeconds: samples / sampleRate },
    ...{ leading: 0, end: 'short', pad: 'zero' },
    tolerance: Math.floor(samples * usualTolerance),
  };
  const g = new GraphBuilder({ name: 'embedder whisper' });
  const waveform = g.input('waveform', 'float32', ['N', 'samples']);
  const c = inferenceContext(g, values);
  const { last } = whisperEncoder(c, config, frontEndNodes(g, waveform, frontEnd));
  const own = context === 'full' ? ownPositions(g, last, waveform) : last;
  g.output(pool === 'none' ? own : meanOverPositions(c, own, null), 'embedding');
  return {
    spec: {
      ...{ network: 'whisper', embedding: 'embedding', size: config.width, sampleRate },
      settings: { context, pool, width: config.width, layers: config.layers },
      // What it hears is a waveform; the front end is in the graph.
      frontEnd: null,
      ...{ windowing, weights },
      ...(pool === 'none' ? { rowSeconds: positionSamples / sampleRate } : {}),
    },
    graph: {
      ...{ model: g.model(), input: 'waveform', inputDims: [samples], output: 'embedding' },
      anyLength: true,
    },
  };
}

/** In the full context silence fills 30 s: the positions of the window itself are what is asked for. */
function ownPositions(g: GraphBuilder, hidden: Value, waveform: Value): Value {
  const samples = g.op('Shape', [waveform], { start: 1, end: 2 });
  // ⌈⌊samples / 160⌋ / 2⌉, and one at least, as the front end and the second convolution count.
  const frames = g.op('Div', [samples, g.ints([positionSamples / 2])]);
  const positions = g.op('Div', [g.op('Add', [frames, g.ints([1])]), g.ints([2])]);
  const end = g.op('Max', [positions, g.ints([1])]);
  return g.op('Slice', [hidden, g.ints([0]), end, g.ints([1])]);
}

/** The shape and the values of an encoder, and what is said of them. */
async function frozen(named: string): Promise<{
  config: WhisperConfig;
  values: ParameterValues;
  weights: { description: string; sha256: string };
}> {
  const path = await weightsFile('whisper', { weights: named });
  if (path === null) {
    const config = whisperSizes.tiny;
    const description = untrainedWeights('whisper', 'tiny');
    const values = initializeParameters(specsOf(config), new Random('embedder'));
    return { config, values, weights: { description, sha256: randomWeights } };
  }
  const { config, tensors, sha256 } = await openWhisperCheckpoint(path);
  // Nothing is asked of the head, so it needs no values.
  const network = whisper({ classes: 1, config });
  const loaded = loadWeights(network, specsOf(config), tensors, { replaceHead: true, source: path });
  const size = `${config.layers} layers of ${config.width}`;
  return {
    config,
    values: loaded.values,
    weights: { description: `Weights from ${path}: an encoder of ${size}.`, sha256 },
  };
}

function specsOf(config: WhisperConfig) {
  return parameterSpecs(whisper({ classes: 1, config }), [1, 1, config.nMels, 2], new GraphBuilder());
}
