import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClapTokenizer, clapMaxTokens } from '../../src/approaches/clap/tokenizer.ts';
import {
  clapTemplate,
  cosines,
  embedLabels,
  openClap,
  plainLabels,
  promptsFor,
  readLabelFile,
} from '../../src/approaches/index.ts';
import {
  DatasetError,
  GraphError,
  ParameterError,
  RuntimeError,
  WeightsError,
} from '../../src/core/index.ts';
import { encodeModel, GraphBuilder } from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { expected, tinyClap, tinyTensors, writeTinySafetensors } from '../support/clap.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-clap-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('the tokenizer', () => {
  it('gives the ids of an independent byte-level BPE, cut at 77 tokens before the end token', async () => {
    const tokenizer = await ClapTokenizer.open(tinyClap, 1);
    expect(expected.texts.map((text) => tokenizer.encode(text))).toEqual(expected.ids);
    const longest = Math.max(...expected.ids.map((ids) => ids.length));
    expect(longest).toBe(clapMaxTokens);
    // Both texts that are too long keep their end.
    expect(expected.ids.filter((ids) => ids.length === longest).map((ids) => ids.at(-1))).toEqual([2, 2]);
  });

  it('pads a batch to its longest prompt, and says where the padding is', async () => {
    const tokenizer = await ClapTokenizer.open(tinyClap, 1);
    const { ids, mask } = tokenizer.batch(expected.texts.slice(0, 3));
    const rows = expected.ids.slice(0, 3);
    const longest = Math.max(...rows.map((row) => row.length));
    expect(ids.dims).toEqual([3, longest]);
    const padded = rows.flatMap((row) => [...row, ...new Array<number>(longest - row.length).fill(1)]);
    expect(Array.from(ids.data, Number)).toEqual(padded);
    const seen = rows.flatMap((row) => Array.from({ length: longest }, (_, i) => (i < row.length ? 1 : 0)));
    expect(Array.from(mask.data, Number)).toEqual(seen);
  });

  it('says what is wrong with its file', async () => {
    await expect(ClapTokenizer.open(join(folder, 'nowhere'), 1)).rejects.toThrow(
      /There is no .*tokenizer\.json/,
    );
    mkdirSync(join(folder, 'odd'));
    put('odd/tokenizer.json', '{"model": {"type": "Abacus"}}');
    await expect(ClapTokenizer.open(join(folder, 'odd'), 1)).rejects.toThrow(WeightsError);
  });
});

describe('prompts', () => {
  it('are made from labels by templates, underscores as blanks; descriptions stand as they are', () => {
    expect(promptsFor(plainLabels(['dog_bark']))).toEqual([
      { label: 'dog_bark', prompts: ['This is a sound of dog bark.'] },
    ]);
    expect(clapTemplate).toBe('This is a sound of {}.');
    const labels = new Map([
      ['siren', []],
      ['engine', ['An engine idles.', 'A car waits.']],
    ]);
    expect(promptsFor(labels, ['I hear {}.', '{}, {}!'])).toEqual([
      { label: 'siren', prompts: ['I hear siren.', 'siren, siren!'] },
      { label: 'engine', prompts: ['An engine idles.', 'A car waits.'] },
    ]);
  });

  it('need labels and a place for them', () => {
    expect(() => promptsFor(new Map())).toThrow(ParameterError);
    expect(() => promptsFor(plainLabels([' ']))).toThrow(/empty/);
    expect(() => promptsFor(plainLabels(['a']), ['a sound'])).toThrow(/has no place for the label/);
    expect(() => plainLabels(['a', 'b', 'a'])).toThrow(/'a' is there twice/);
  });

  it('come from a table or a JSON file, several to a label', async () => {
    const wanted = [
      ['dog_bark', ['A dog barks, twice.', 'Barking.']],
      ['siren', []],
    ];
    const csv = put(
      'labels.csv',
      'label,description\ndog_bark,"A dog barks, twice."\nsiren,\ndog_bark,Barking.\n',
    );
    expect([...(await readLabelFile(csv))]).toEqual(wanted);
    const json = put('labels.json', JSON.stringify({ dog_bark: wanted[0][1], siren: [] }));
    expect([...(await readLabelFile(json))]).toEqual(wanted);
    expect([...(await readLabelFile(put('one.json', '{"siren": "A siren wails."}')))]).toEqual([
      ['siren', ['A siren wails.']],
    ]);
  });

  it('say what is wrong with their file, and where', async () => {
    await expect(readLabelFile(put('a.csv', 'label,description\n,x\n'))).rejects.toThrow(
      /line 2: the column label is empty/,
    );
    await expect(readLabelFile(put('b.csv', 'name\nx\n'))).rejects.toThrow(DatasetError);
    await expect(readLabelFile(put('c.json', '["siren"]'))).rejects.toThrow(
      /c\.json is not a JSON object of labels/,
    );
    await expect(readLabelFile(put('d.json', '{"siren": 3}'))).rejects.toThrow(ParameterError);
    await expect(readLabelFile(put('e.json', '{'))).rejects.toThrow(/holds no valid JSON/);
    await expect(readLabelFile(put('f.json', '{}'))).rejects.toThrow(/holds no label/);
  });
});

describe('a CLAP model', () => {
  it('embeds labels as PyTorch does, from ONNX exports and from safetensors', async () => {
    const safetensors = writeTinySafetensors(join(folder, 'safetensors'));
    const engine = new Engine({ threads: 1 });
    try {
      for (const [weights, scale, trained] of [
        [tinyClap, expected.logitScale.config, false],
        [safetensors, expected.logitScale.trained, true],
        [join(safetensors, 'model.safetensors'), expected.logitScale.trained, true],
      ] as const) {
        const model = await openClap(weights);
        expect(model.logitScale).toBeCloseTo(scale, 5);
        expect(model.logitScaleTrained).toBe(trained);
        expect(model.weights.description).toMatch(
          trained ? /model\.safetensors/ : /onnx.audio_model\.onnx and/,
        );
        const labels = expected.texts.map((text, i) => ({ label: String(i), prompts: [text] }));
        const { data, size } = await embedLabels(model, labels, engine);
        expect(size).toBe(12);
        expected.textEmbeds.forEach((row, i) => {
          const length = Math.hypot(...row);
          row.forEach((v, k) => {
            expect(Math.abs(data[i * 12 + k] - v / length)).toBeLessThan(1e-5);
          });
        });
      }
    } finally {
      await engine.close();
    }
  });

  it('of two weights files has two identities', async () => {
    const a = await openClap(join(folder, 'safetensors'));
    const other = writeTinySafetensors(join(folder, 'other'), (tensors) => {
      (tensors.get('audio_projection.linear1.bias')!.data as Float32Array)[0] += 1;
    });
    expect((await openClap(other)).weights.sha256).not.toBe(a.weights.sha256);
    expect((await openClap(join(folder, 'safetensors'))).weights.sha256).toBe(a.weights.sha256);
  });

  it('says how to get weights that are not there', async () => {
    const before = process.env['EARSHOT_MODELS'];
    process.env['EARSHOT_MODELS'] = join(folder, 'models');
    try {
      for (const weights of [undefined, 'clap-htsat-unfused']) {
        const error = await openClap(weights).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(WeightsError);
        expect((error as WeightsError).hint).toContain('earshot models pull clap-htsat-unfused');
      }
      // As `models pull` leaves them.
      cpSync(tinyClap, join(folder, 'models/clap-htsat-unfused'), { recursive: true });
      expect((await openClap()).weights.description).toContain('audio_model.onnx');
      await expect(openClap('clap-nothing')).rejects.toThrow(/no folder clap-nothing, and no CLAP model/);
      await expect(openClap(folder)).rejects.toThrow(/holds no CLAP model/);
    } finally {
      if (before === undefined) delete process.env['EARSHOT_MODELS'];
      else process.env['EARSHOT_MODELS'] = before;
    }
  });

  it('is refused where files lack, do not fit, or are damaged', async () => {
    const change = (name: string, edit: Parameters<typeof writeTinySafetensors>[1]) =>
      openClap(writeTinySafetensors(join(folder, name), edit));
    const bias = 'text_projection.linear2.bias';
    await expect(change('lacks', (t) => t.delete(bias))).rejects.toThrow(
      /holds no 'text_projection\.linear2\.bias'/,
    );
    await expect(change('shape', (t) => t.set(bias, { ...t.get(bias)!, dims: [3, 4] }))).rejects.toThrow(
      /has the shape \[3, 4\], by config\.json it must be \[12\]/,
    );
    await expect(
      change('nan', (t) => {
        (t.get(bias)!.data as Float32Array)[3] = Number.NaN;
      }),
    ).rejects.toThrow(/not a number/);
    const lone = join(folder, 'lone');
    mkdirSync(lone);
    cpSync(join(tinyClap, 'onnx'), join(lone, 'onnx'), { recursive: true });
    await expect(openClap(lone)).rejects.toThrow(/There is no .*config\.json/);
  });

  it('of the fusion kind is told from others by what its encoder takes', async () => {
    const fused = join(folder, 'fused');
    cpSync(tinyClap, fused, { recursive: true });
    const g = new GraphBuilder();
    const x = g.input('input_features', 'float32', ['N', 4, 1001, 64]);
    g.input('is_longer', 'bool', ['N', 1]);
    g.output(g.op('ReduceMean', [x, g.ints([1, 2])], { keepdims: 0 }), 'audio_embeds');
    writeFileSync(join(fused, 'onnx/audio_model.onnx'), encodeModel(g.model()));
    const error = await openClap(fused).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(GraphError);
    expect((error as GraphError).hint).toContain('fusion');
  });
});

describe('cosines', () => {
  it('are of directions, and need one', () => {
    const vectors = { labels: ['x', 'y'], size: 2, data: Float32Array.of(1, 0, 0.6, 0.8) };
    const [x, y] = cosines(Float32Array.of(30, 40), vectors) as [number, number];
    expect(x).toBeCloseTo(0.6, 6);
    expect(y).toBeCloseTo(1, 6);
    expect(() => cosines(new Float32Array(2), vectors)).toThrow(RuntimeError);
    expect(tinyTensors().size).toBeGreaterThan(80);
  });
});
