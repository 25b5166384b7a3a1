/** @file Loss and accuracy on the validation clips, by a graph that reads the engine's own parameters. */
import { argmax, float32 } from '../core/index.ts';
import type { Network } from '../networks/network.ts';
import type { Engine, LoadedModel } from '../runtime/index.ts';
import type { TrainingClip } from './batches.ts';
import type { BandStatistics } from './normalization.ts';
import { buildForwardGraph, ownFramesInput } from './stepGraph.ts';

export interface ValidationOptions {
  readonly network: Network;
  readonly statistics: BandStatistics | null;
  readonly nMels: number;
  readonly nFrames: number;
  readonly masked: boolean;
  readonly clips: readonly TrainingClip[];
  readonly blockSize: number | null;
  readonly packed: ReadonlySet<string>;
}

export interface Validation {
  /** Reads the resident parameters as they are. A clip of several windows counts by its mean probabilities. */
  run(): Promise<{ loss: number; accuracy: number }>;
  /** Frees the graph. */
  close(): Promise<void>;
}

export async function loadValidation(engine: Engine, options: ValidationOptions): Promise<Validation> {
  const { clips, ...graph } = options;
  const batchSize = Math.min(32, clips.length);
  const { model, ...forward } = buildForwardGraph({ ...graph, batchSize });
  const loaded = await engine.load(model);
  return {
    run: () => validate(engine, options, { loaded, batchSize, ...forward }),
    close: () => engine.unload(loaded),
  };
}

interface Forward {
  readonly loaded: LoadedModel;
  readonly resident: readonly string[];
  readonly batchSize: number;
  readonly takesFrames: boolean;
}

async function validate(
  engine: Engine,
  { clips, nMels, nFrames, network }: ValidationOptions,
  forward: Forward,
): Promise<{ loss: number; accuracy: number }> {
  const { batchSize } = forward;
  const size = nMels * nFrames;
  const windows = clips.flatMap((clip, c) =>
    clip.windows.map((data) => ({
      c,
      data,
      count: clip.windows.length,
      frames: clip.ownFrames ?? nFrames,
    })),
  );
  const mean = clips.map(() => new Array<number>(network.classes).fill(0));
  for (let start = 0; start < windows.length; start += batchSize) {
    const part = windows.slice(start, start + batchSize);
    const data = new Float32Array(batchSize * size);
    const frames = new Float32Array(batchSize).fill(nFrames);
    part.forEach((window, i) => {
      data.set(window.data, i * size);
      frames[i] = window.frames;
    });
    const { probabilities } = await engine.run(forward.loaded, {
      feeds: {
        x: float32([batchSize, 1, nMels, nFrames], data),
        ...(forward.takesFrames ? { [ownFramesInput]: float32([batchSize], frames) } : {}),
      },
      resident: forward.resident,
      fetch: ['probabilities'],
    });
    part.forEach(({ c, count }, i) => {
      for (let k = 0; k < network.classes; k++) {
        mean[c][k] += Number(probabilities!.data[i * network.classes + k]) / count;
      }
    });
  }
  let correct = 0;
  let loss = 0;
  clips.forEach((clip, c) => {
    const row = mean[c];
    if (argmax(row) === clip.label) correct++;
    loss -= Math.log(Math.max(row[clip.label], 1e-15));
  });
  return { loss: loss / clips.length, accuracy: correct / clips.length };
}
