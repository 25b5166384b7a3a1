import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildArtifact } from '../../src/approaches/index.ts';
import { float32 } from '../../src/core/index.ts';
import { frontEndNodes, logMelSpec } from '../../src/features/index.ts';
import { encodeModel } from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { Explainer } from '../../src/workflows/index.ts';

const rate = 8000;
const frontEnd = logMelSpec({ sampleRate: rate, nFft: 256, hopLength: 128, nMels: 4 });

let folder: string;
let model: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-sessions-'));
  model = join(folder, 'tiny.onnx');
  // Clips shorter than a window are heard as they are: each length is a graph of its own.
  const { model: graph } = buildArtifact({
    score: (g, waveform) => {
      const picture = g.op('Unsqueeze', [frontEndNodes(g, waveform, frontEnd), g.ints([1])]);
      const embedding = g.op('Squeeze', [
        g.op('ReduceMean', [picture, g.ints([3])], { keepdims: 0 }),
        g.ints([1]),
      ]);
      const weights = g.constant(float32([4, 2], [0.1, -0.1, 0.05, 0, 0, 0.05, -0.1, 0.1]));
      return {
        probabilities: g.op('Softmax', [g.op('MatMul', [embedding, weights])], { axis: 1 }),
        embedding,
        picture: { tensor: picture.name, frontEnd, windows: null, baseline: null },
      };
    },
    info: {
      ...{
        approach: 'tiny',
        classes: ['low', 'high'],
        network: 'tiny',
        weights: 'none',
        seed: 0,
        versions: {},
      },
      pipeline: { sampleRate: rate, windowSeconds: 1, pad: 'none', overlap: 0, frontEnd: null },
      trainedOn: { dataset: 'nothing', synthetic: true, fingerprint: '', split: '' },
    },
  });
  await writeFile(model, encodeModel(graph));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const clip = (samples: number) => Float32Array.from({ length: samples }, (_, i) => 0.3 * Math.sin(i / 4));

describe('an explainer', () => {
  it('keeps the graphs of a few lengths of clips, however many it has seen, and explains earlier ones again', async () => {
    let live = 0;
    let most = 0;
    const { load, unload } = Engine.prototype;
    const loads = vi.spyOn(Engine.prototype, 'load').mockImplementation(async function (this: Engine, graph) {
      const loaded = await load.call(this, graph);
      most = Math.max(most, ++live);
      return loaded;
    });
    const unloads = vi.spyOn(Engine.prototype, 'unload').mockImplementation(async function (
      this: Engine,
      graph,
    ) {
      await unload.call(this, graph);
      live--;
    });
    const explainer = await Explainer.open(model, { threads: 1 });
    try {
      const lengths = [2000, 2100, 2200, 2300, 2400, 2500, 2600];
      const first = await explainer.explain(clip(1900), 'low');
      const before = await first.deletion(0.25);
      // Several at once take their turns.
      await Promise.all(lengths.map((samples) => explainer.explain(clip(samples), 'low')));
      expect(loads.mock.calls.length).toBe(16);
      expect(most).toBeLessThanOrEqual(8);
      expect(await first.deletion(0.25)).toEqual(before);
      expect((await explainer.explain(clip(1900), 'low')).saliency).toEqual(first.saliency);
      expect(most).toBeLessThanOrEqual(8);
    } finally {
      await explainer.close();
      loads.mockRestore();
      unloads.mockRestore();
    }
  });
});
