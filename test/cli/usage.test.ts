import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/onnx/index.ts';
import { resolveDevice } from '../../src/runtime/index.ts';
import { madeModel, node } from '../onnx/madeModel.ts';
import { earshot, workFolder } from './earshot.ts';
import { classFolders, write } from './sounds.ts';

/** Wrong command lines, and what stderr must say. */
const wrong: [string, RegExp][] = [
  ['', /Usage: earshot/],
  ['data', /Usage: earshot data/],
  ['trian x', /Unknown command 'trian'\.\nHint: Did you mean train\?/],
  ['data inspct x', /Unknown command 'inspct'\.\nHint: Did you mean inspect\?/],
  ['train', /Missing required argument 'dataset'\.\nHint: See earshot train --help/],
  ['train a b', /Too many arguments/],
  ['train x --seeed 1', /Unknown option '--seeed'\.\nHint: Did you mean --seed\?/],
  ['classify m f --timelin', /Did you mean --timeline\?/],
  [
    'train x --approach resnet5',
    /one of cnn, resnet50, resnet34, resnet18, whisper, openl3-svm, yamnet-svm, edgel3-svm, onnx-svm, mfcc-svm, clap\. Did you mean resnet50\?/,
  ],
  ['train x --approach cnn --network m.onnx', /--approach and --network each say what is trained/],
  ['train x --embedding features', /--embedding is about the model of --network/],
  ['train x --picture-layout frames-mel', /--picture-layout is about the model of --network/],
  ['train x --picture-layout mel-frame', /Did you mean mel-frames\?/],
  ['train x --front-end yamnt', /Did you mean yamnet\?/],
  ['train x --train hed', /last:N such as last:8\.[\s\S]*Did you mean head\?/],
  ['train x --train last:x', /It must be head, last-stage, all, or last:N/],
  ['train x --head-rate 0', /a number above 0\./],
  ['train x --layer-decay 1.5', /above 0 and at most 1/],
  ['train x --optimizer adamv', /Did you mean adamw\?/],
  ['train x --epochs 0', /'0' is invalid\. It must be a whole number of at least 1\./],
  ['train x --epochs 1.5', /whole number/],
  ['train x --lora-rank 0', /whole number of at least 1/],
  ['train x --lora-rank 8 --lora-alpha 0', /a number above 0\./],
  ['classify m f --device gpu', /one of cpu, cuda, webgpu, auto/],
  ['train x --epochs', /argument missing/],
  ['train x --learning-rate 0', /a number above 0\./],
  ['train x --train-folds 1;2', /fold numbers such as 1,2 or 1-9/],
  ['train x --train-folds 9-1', /fold numbers/],
  ['train x --noise-snr 30,5', /low,high/],
  ['train x --train-folds 1,2 --test-folds 2', /Fold 2 is named for training and for testing/],
  [
    'train x --train-folds 1 --split random',
    /'--split <kind>' cannot be used with option '--train-folds <list>'/,
  ],
  ['train x --cross-validate --test-folds 1', /--cross-validate tests on every fold/],
  ['train x --folds 5', /Add --cross-validate/],
  ['train x --cross-validate --test-fraction 0.3', /--test-fraction cannot be used/],
  ['train x --resume', /--resume needs --out/],
  ['demo --resume', /--resume needs --out/],
  ['train x --only-fold 2', /--only-fold is one fold of --cross-validate/],
  ['train x --within-folds 1,2', /--within-folds confines a --split/],
  ['compare x', /Required option '--approaches <list>' not specified/],
  ['compare x --approaches cnn,', /names separated by commas/],
  ['compare x --approaches cnn --set epochs=3', /does not say whose settings they are/],
  ['compare x --approaches cnn --set resnet18:--epochs=3', /resnet18, which is not among --approaches/],
  [
    'compare x --approaches cnn --set cnn:--epoch=3',
    /settings of cnn are not usable: unknown option '--epoch=3'\.\nHint: Did you mean --epochs\?/,
  ],
  ['compare x --approaches cnn --set cnn:--seed=3', /unknown option '--seed=3'/],
  ['compare x --approaches cnn --set cnn:--embedding=e', /--embedding is about the model of --network/],
  ['compare x --approaches cnn --alpha 0', /at least 0\.001/],
  ['compare x --approaches cnn --resume', /--resume needs --out/],
  ['classify m f --top 2 --classes a', /cannot be used with option/],
  ['classify m', /Missing required argument 'paths'/],
  ['train x --warm-head 0', /whole number of at least 1/],
  ['train x --whisper-size tny', /Did you mean tiny\?/],
  ['export m -o x', /Neither --to nor --precision was given/],
  ['export m --precision int4 -o x', /one of fp16, int8/],
  ['export m --precision int8 --to huggingface -o x', /cannot be used with option/],
  ['export m --precision int8', /-o, --output/],
  ['export m --precision int8 --folds 1 -o x', /Add --evaluate/],
  ['export m --to huggingface --evaluate d -o x', /or add --precision/],
  ['spectrogram x.wav -o x.jpg', /must end in \.png or \.svg/],
];

describe('wrong usage', () => {
  it.each(wrong)('earshot %s: exit code 2, a sentence, no stack', async (line, message) => {
    const { code, stdout, stderr } = await earshot(line.split(' ').filter((word) => word !== ''));
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('with --json is one JSON document on stdout', async () => {
    const { code, stdout } = await earshot(['train', 'x', '--json', '--seeed', '1']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'USAGE',
        message: "Unknown option '--seeed'.",
        hint: 'Did you mean --seed? See earshot train --help.',
      },
    });
  });
});

describe('failures', () => {
  it('exit with 1, message and hint, and a stack only on request', async () => {
    const words = ['data', 'inspect', 'nowhere'];
    const plain = await earshot(words);
    expect(plain.code).toBe(1);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toBe(
      'Error: nowhere does not exist.\nHint: Give the folder of a dataset, or a CSV manifest.\n',
    );
    const debug = await earshot(words, { env: { EARSHOT_DEBUG: '1' } });
    expect(debug.code).toBe(1);
    expect(debug.stderr).toContain(plain.stderr);
    expect(debug.stderr).toMatch(/^\s+at .*openDataset/m);
  });

  it('of a model that is no model say so', async () => {
    const cwd = workFolder();
    write(join(cwd, 'model.onnx'), 'not a model');
    write(join(cwd, 'a.wav'), '');
    const { code, stderr } = await earshot(['classify', 'model.onnx', 'a.wav'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: The model .* cannot be read\. The protobuf data is damaged/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('of a network to fine-tune say which tensors would do, or that it cannot be read', async () => {
    const cwd = workFolder();
    classFolders(join(cwd, 'set'), 2);
    const model = madeModel({
      inputs: { mel: ['float32', ['N', 1, 8, 4]] },
      outputs: { flat: 'float32' },
      nodes: [node('Relu', ['mel'], ['maps']), node('Flatten', ['maps'], ['flat'])],
    });
    writeFileSync(join(cwd, 'm.onnx'), encodeModel(model));
    const missing = await earshot(['train', 'set', '--network', 'm.onnx'], { cwd });
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('Name it with --embedding.');
    expect(missing.stderr).toContain('Hint: A head can stand on flat [N, 32], maps [N, 1, 8, 4].');
    const unknown = await earshot(['train', 'set', '--network', 'm.onnx', '--embedding', 'flot', '--json'], {
      cwd,
    });
    expect(unknown.code).toBe(2);
    expect(JSON.parse(unknown.stdout).error).toMatchObject({ code: 'PARAMETER' });
    const absent = await earshot(['train', 'set', '--network', 'none.onnx', '--embedding', 'flat'], { cwd });
    expect(absent.code).toBe(1);
    expect(absent.stderr).toMatch(/^Error: The model none\.onnx cannot be read: there is no such file\./);
  });

  it('of training leave a folder that is not empty as it was', async () => {
    const cwd = workFolder();
    write(join(cwd, 'mine/notes.txt'), 'keep');
    const { code, stderr } = await earshot(['train', 'x', '--out', 'mine'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/The folder mine is not empty; nothing was written\.\nHint: .*--resume/);
    const file = await earshot(['train', 'x', '--out', 'mine/notes.txt'], { cwd });
    expect(file.code).toBe(2);
    expect(file.stderr).toContain('mine/notes.txt is a file');
  });
});

const cudaStarts = await resolveDevice('cuda').then(
  () => true,
  () => false,
);

it.skipIf(cudaStarts)('a device that is not there: exit code 1, why, and what there is', async () => {
  const { code, stdout, stderr } = await earshot([
    ...['train', 'demo', '--device', 'cuda', '--out', join(workFolder(), 'cuda')],
  ]);
  expect(stderr).toMatch(/The device 'cuda' cannot be used\. cuda: .+\./);
  expect(stderr).toMatch(/Hint: .*Available here: .*cpu\./);
  expect(stdout).toBe('');
  expect(code).toBe(1);
});
