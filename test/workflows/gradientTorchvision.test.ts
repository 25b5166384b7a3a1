/**
 * @file Gradients of torchvision's own models at full width, exported anew by PyTorch: ResNet-18, MobileNetV3-small,
 * DenseNet-121, a vision transformer, nn.TransformerEncoder, in opsets 11, 13 and 17. Takes a minute and 200 MB of disk,
 * so it runs only when asked for: EARSHOT_TORCH=1 npx vitest run test/workflows/gradientTorchvision.test.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, importGraph } from '../../src/onnx/index.ts';
import { gradientModel } from '../../src/workflows/gradient.ts';
import { exportedModel, exportedNames, relativeError } from '../onnx/exportedModels.ts';
import { runModel } from '../support/runModel.ts';

const python = process.env['PYTHON'] ?? '/usr/bin/python3';
const asked = process.env['EARSHOT_TORCH'] === '1';
const present = asked && spawnSync(python, ['-c', 'import torch, torchvision']).status === 0;
const why = asked ? `${python} has no torch and torchvision` : 'set EARSHOT_TORCH=1 to run it';

const folder = present ? mkdtempSync(join(tmpdir(), 'earshot-torchvision-')) : '';
if (present) {
  const script = fileURLToPath(new URL('../../tools/fixtures/onnxModels.py', import.meta.url));
  const { status, stderr } = spawnSync(python, [script, '--full', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
}
afterAll(() => {
  if (present) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!present)(
  `gradients of whole models against PyTorch${present ? '' : ` (skipped: ${why})`}`,
  () => {
    for (const name of present ? exportedNames(folder) : ['resnet18-13']) {
      it(`${name}: each within 1e-3`, { timeout: 300_000 }, async () => {
        const { bytes, bind, feeds, loss, gradients } = exportedModel(name, folder);
        const wrt = Object.keys(gradients);
        expect(wrt.length).toBeGreaterThan(10);
        const model = gradientModel(decodeModel(bytes), { loss: 'loss', wrt, bind });
        const results = await runModel(encodeModel(model), feeds);
        expect(Math.abs(Number(results['loss'].data[0]) / loss - 1)).toBeLessThan(1e-4);
        let worst = 0;
        for (const w of wrt) {
          const error = relativeError(results[`${w}_grad`], gradients[w]);
          expect(error, w).toBeLessThan(1e-3);
          worst = Math.max(worst, error);
        }
        console.info(
          `${name}: ${importGraph(decodeModel(bytes), { bind }).graph.nodes.length} nodes, ` +
            `${model.graph.nodes.length} with gradients, largest difference ${worst.toExponential(1)}`,
        );
      });
    }
  },
);
