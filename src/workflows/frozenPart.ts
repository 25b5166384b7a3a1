/**
 * @file What the frozen part of a network makes of clips, for training its head alone: computed once, kept in the cache,
 * and not anew in every epoch and fold.
 */
import * as z from 'zod';
import { CancelledError, float32, rowsOf, stackRows, type Tensor } from '../core/index.ts';
import { digest, entryPath, readEntry, writeEntry } from '../extraction/index.ts';
import { cacheDirectory, sha256 } from '../files/index.ts';
import { headNetwork, inferenceContext, type Network } from '../networks/index.ts';
import { encodeModel, GraphBuilder } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import {
  changesNothing,
  type FrozenPart,
  standardizeNodes,
  type TrainingClip,
  type TrainingTask,
} from '../training/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';

/** Windows in a run. Always as many, filled up with zeros: numbers do not depend on what else is computed. */
const windowsPerRun = 16;

/** What decides the frozen part's results. */
type FrozenTask = Pick<
  TrainingTask,
  'network' | 'config' | 'initial' | 'statistics' | 'nMels' | 'nFrames' | 'masked' | 'train' | 'validation'
>;

/**
 * The embeddings of all clips by the network as it starts, for the epochs in which the head learns alone; null where
 * there are none such, where clips are augmented, or where the head cannot be taken off.
 * @throws {CancelledError} when stopped; what was computed is in the cache
 */
export async function frozenPart(task: FrozenTask, hooks: WorkflowHooks): Promise<FrozenPart | null> {
  const { network, config, masked = false } = task;
  const head = headNetwork(network);
  const alone = config.trainable === 'head' && config.frozenStatistics;
  const atFirst = (config.warmHeadEpochs ?? 0) > 0;
  if (head === null || masked || !(alone || atFirst) || !changesNothing(config.augmentation)) return null;
  const { bytes, size } = frozenGraph(task, network);
  const engine = new Engine(engineOptions(hooks));
  try {
    const model = await engine.load(bytes);
    const { nMels, nFrames } = task;
    const run = async (pictures: readonly Float32Array[]): Promise<Float32Array[]> => {
      const data = new Float32Array(windowsPerRun * nMels * nFrames);
      pictures.forEach((picture, i) => {
        data.set(picture, i * nMels * nFrames);
      });
      const x = float32([windowsPerRun, 1, nMels, nFrames], data);
      const { embedding } = await engine.run(model, { feeds: { x }, fetch: ['embedding'] });
      return rowsOf(embedding as Tensor<'float32'>).slice(0, pictures.length);
    };
    const graph = sha256(bytes);
    const all = await embedded([...task.train, ...task.validation], { graph, size, run }, hooks);
    return {
      network: head,
      size,
      train: all.slice(0, task.train.length),
      validation: all.slice(task.train.length),
    };
  } finally {
    await engine.close();
  }
}

/** The network up to its embedding, its starting values as constants. */
function frozenGraph({ initial, statistics, nMels, nFrames }: FrozenTask, network: Network) {
  const g = new GraphBuilder({ name: `${network.name}, frozen` });
  const x = g.input('x', 'float32', ['N', 1, nMels, nFrames]);
  const { embedding } = network.forward(inferenceContext(g, initial), standardizeNodes(g, x, statistics));
  g.output(embedding, 'embedding');
  const { graph, ...model } = g.model();
  // The head hangs on the embedding and starts at random: it must not tell one frozen part from another.
  const needed = new Set(['embedding']);
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const bytes = encodeModel({ ...model, graph: { ...graph, nodes: nodes.reverse(), initializers } });
  return { bytes, size: embedding.shape[1] as number };
}

interface Frozen {
  /** SHA-256 of the graph. */
  readonly graph: string;
  readonly size: number;
  readonly run: (pictures: readonly Float32Array[]) => Promise<Float32Array[]>;
}

/** The clips with embeddings in the place of pictures. */
async function embedded(
  clips: readonly TrainingClip[],
  { graph, size, run }: Frozen,
  { cacheDir = cacheDirectory(), signal, onProgress }: WorkflowHooks,
): Promise<TrainingClip[]> {
  const windows: Float32Array[][] = [];
  const waiting: { readonly clip: number; readonly window: number; readonly picture: Float32Array }[] = [];
  const paths: string[] = [];
  const remaining = new Map<number, number>();
  const flush = async () => {
    const part = waiting.splice(0, windowsPerRun);
    const rows = await run(part.map(({ picture }) => picture));
    for (const [i, { clip, window }] of part.entries()) {
      windows[clip][window] = rows[i].slice();
      const left = remaining.get(clip)! - 1;
      remaining.set(clip, left);
      if (left === 0) await writeEntry(paths[clip], {}, stackRows(windows[clip], size).data);
    }
  };
  for (const [i, clip] of clips.entries()) {
    if (signal?.aborted)
      throw new CancelledError(
        'Stopped while the frozen network was run; what was computed is in the cache.',
      );
    const pictures = clip.windows.map((picture) =>
      sha256(new Uint8Array(picture.buffer, picture.byteOffset, picture.byteLength)),
    );
    const path = entryPath(cacheDir, digest('frozen', graph, ...pictures), 'embeddings');
    paths.push(path);
    const known = await readEntry(path, z.object({}));
    if (known !== null && known.data.length === clip.windows.length * size) {
      windows.push(clip.windows.map((_, w) => known.data.slice(w * size, (w + 1) * size)));
    } else {
      windows.push([]);
      remaining.set(i, clip.windows.length);
      clip.windows.forEach((picture, window) => {
        waiting.push({ clip: i, window, picture });
      });
      while (waiting.length >= windowsPerRun) await flush();
    }
    onProgress?.({ task: 'Frozen network', done: i + 1, total: clips.length, unit: 'clips' });
  }
  if (waiting.length > 0) await flush();
  return clips.map(({ label }, i) => ({ label, windows: windows[i] }));
}
