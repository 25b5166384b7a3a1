import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { gradientModel } from '../../src/workflows/gradient.ts';
import { exportedModel, exportedNames, relativeError } from '../onnx/exportedModels.ts';
import { runModel } from '../support/runModel.ts';

describe('gradients of models exported by PyTorch', () => {
  for (const name of exportedNames()) {
    it(`${name}: each within 1e-3 of PyTorch's`, async () => {
      const { bytes, bind, feeds, loss, gradients } = exportedModel(name);
      const wrt = Object.keys(gradients);
      const model = gradientModel(decodeModel(bytes), { loss: 'loss', wrt, bind });
      expect(model.graph.inputs.map((v) => v.name).sort()).toEqual(Object.keys(feeds).sort());
      expect(model.graph.outputs.map((v) => v.name)).toEqual(['loss', ...wrt.map((w) => `${w}_grad`)]);
      const results = await runModel(encodeModel(model), feeds);
      expect(Number(results['loss']!.data[0])).toBeCloseTo(loss, 4);
      for (const w of wrt) {
        const found = results[`${w}_grad`]!;
        expect(found.dims, w).toEqual(gradients[w]!.dims);
        expect(relativeError(found, gradients[w]!), w).toBeLessThan(1e-3);
      }
    });
  }
});
