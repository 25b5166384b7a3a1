import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportedModel, relativeError } from '../onnx/exportedModels.ts';
import { runModel } from '../support/runModel.ts';
import { earshot, workFolder } from './earshot.ts';

describe('earshot gradient', () => {
  const cwd = workFolder();
  const { bytes, feeds, gradients } = exportedModel('vit-14');
  writeFileSync(join(cwd, 'vit.onnx'), bytes);
  const gradient = (...words: string[]) => earshot(['gradient', 'vit.onnx', ...words], { cwd });

  it('writes a model that any ONNX Runtime runs', async () => {
    const { code, stdout, stderr } = await gradient(
      ...['--loss', 'loss', '--wrt', 'x,net.conv_proj.weight', '--wrt', 'net.class_token'],
      ...['--bind', 'N=2', '-o', 'out/g.onnx', '--json'],
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const told = JSON.parse(stdout) as { outputs: { name: string; shape: number[] }[] };
    expect(told.outputs.map((v) => v.name)).toEqual([
      'loss',
      'x_grad',
      'net.conv_proj.weight_grad',
      'net.class_token_grad',
    ]);
    const results = await runModel(readFileSync(join(cwd, 'out/g.onnx')), feeds);
    for (const name of ['x', 'net.conv_proj.weight', 'net.class_token'])
      expect(relativeError(results[`${name}_grad`], gradients[name]), name).toBeLessThan(1e-3);
  });

  it('lists the tensors of a model, one a line', async () => {
    const { code, stdout } = await gradient('--list', '--bind', 'N=2');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('x\tinput\tfloat32[2, 3, 8, 8]');
    expect(lines).toContain('net.conv_proj.bias\tinitializer\tfloat32[8]');
    expect(lines.at(-1)).toBe('loss\tReduceSum\tfloat32[]');
  });

  it('a listing says which sizes are open, and how to give them', async () => {
    const { code, stdout, stderr } = await gradient('--list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^x\tinput\tfloat32\[N, 3, 8, 8\]\n/);
    expect(stderr).toMatch(/These sizes are open: N\. Give them with --bind, such as --bind N=4\./);
  });

  it.each<[string[], RegExp]>([
    [['--loss', 'los', '--wrt', 'x', '-o', 'g.onnx'], /no tensor named 'los'\.\nHint: Nearest: loss\./],
    [['--loss', 'loss', '--wrt', 'x', '-o', 'g.onnx'], /leaves this size open: N\.\nHint: .*N=4/],
    [['--loss', 'loss', '--wrt', 'x', '-o', 'g.onnx', '--bind', 'N'], /a name and an integer, such as N=4/],
    [
      ['--loss', 'loss', '--wrt', 'x', '-o', 'g.onnx', '--bind', 'N=0'],
      /'N' must be a whole number of at least 1, got 0/,
    ],
    [['--loss', 'loss', '--wrt', 'x'], /Missing required option -o <file>\.\nHint: .*--list/],
    [['--list', '--loss', 'loss'], /cannot be used with option/],
  ])('wrong usage %j', async (words, said) => {
    const { code, stdout, stderr } = await gradient(...words);
    expect(stderr).toMatch(said);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('a file that is no model: exit code 1, a sentence, no stack', async () => {
    writeFileSync(join(cwd, 'page.onnx'), '<html><body>Not found</body></html>');
    const { code, stderr } = await earshot(['gradient', 'page.onnx', '--list'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: The model page\.onnx cannot be read\. It is a web page, not an ONNX model\.\nHint: .*the address of the file itself/,
    );
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
