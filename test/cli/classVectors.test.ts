import { describe, expect, it } from 'vitest';
import { zeroShotMethodNames } from '../../src/zeroShot/index.ts';
import { earshot, workFolder } from './earshot.ts';

describe('zero-shot by class vectors', () => {
  it.each([
    [['zero-shot', 'evaluate', 'demo'], 'Nothing says where the numbers of a clip come from'],
    [['zero-shot', 'evaluate', 'demo', '--network', 'mfcc', '--train', 'cnn'], 'not both'],
    [['zero-shot', 'evaluate', 'demo', '--network', 'mfcc', '--epochs', '3'], '--epochs is for --train'],
    [['zero-shot', 'evaluate', 'demo', '--train', 'cnn', '--pooling', 'max'], 'is for --network'],
    [['zero-shot', 'evaluate', 'demo', '--network', 'mfcc', '--unseen', '1'], 'at least 2'],
    [['few-shot', 'demo', '--network', 'mfcc', '--shots', 'some'], '--shots'],
    [['zero-shot', 'train', 'demo', '--network', 'mfcc', '-o', 'x.onnx'], '--class-vectors'],
    [['unknown', 'model.onnx', 'demo', '--false-alarms', '0.9', '-o', 'x.onnx'], 'at most 0.5'],
    [['classify', 'model.onnx', 'a.wav', '--unknown', 'guess'], 'softmax, energy, mahalanobis'],
  ])('%j is wrong usage: exit code 2 and a sentence', async (words, message) => {
    const { code, stdout, stderr } = await earshot(words, { cwd: workFolder() });
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('names exactly the models of the library', async () => {
    const { stdout } = await earshot(['zero-shot', 'train', '--help']);
    const text = stdout.replace(/\s+/g, ' ');
    const listed = /--model <name>.*?\(choices: ([^)]*)\)/.exec(text)?.[1];
    expect(listed?.split(', ').map((name) => JSON.parse(name))).toEqual(zeroShotMethodNames);
  });
});
