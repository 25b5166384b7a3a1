/**
 * @file Classic features and classifiers on real recordings: 82 numbers a clip (mfcc82), standardised, on ESC-10 (five
 * official folds, pooled) and on UrbanSound8K folds 1 and 2 (one to the other, both ways):
 * `npx tsx bench/mfccBaselines.ts FOLDER`, where FOLDER holds `esc10` and `urbansound8k-folds12`.
 */
import { join } from 'node:path';
import { readAudio, resample, toMono } from '../src/audio/index.ts';
import {
  type Classifier,
  fitLinearSvm,
  fitLogisticRegression,
  fitNearestNeighbours,
  fitRandomForest,
  fitRbfSvm,
  fitStandardScaler,
  type Matrix,
  matrixOf,
  pipeline,
  takeRows,
} from '../src/classifiers/index.ts';
import { openDataset } from '../src/datasets/index.ts';
import { mfcc82, mfcc82Spec } from '../src/features/index.ts';
import { accuracy, averageScores, countClasses } from '../src/metrics/index.ts';

type FitText = (x: Matrix, labels: readonly string[]) => Classifier<string>;

function scaled(fitTo: FitText): FitText {
  return (x, labels) => {
    const scaler = fitStandardScaler(x);
    return pipeline([scaler], fitTo(scaler.apply(x), labels));
  };
}

const models: Record<string, FitText> = {
  'linear SVM, C 0.01': scaled((x, labels) => fitLinearSvm(x, labels, { C: 0.01 })),
  'linear SVM, C 1': scaled((x, labels) => fitLinearSvm(x, labels, { C: 1, maxIterations: 10_000 })),
  'logistic regression, C 0.1': scaled((x, labels) => fitLogisticRegression(x, labels, { C: 0.1 })),
  'RBF SVM, C 10': scaled((x, labels) => fitRbfSvm(x, labels, { C: 10 })),
  '5 nearest neighbours': scaled((x, labels) => fitNearestNeighbours(x, labels)),
  'random forest, 500 trees': (x, labels) => fitRandomForest(x, labels, { trees: 500 }),
};

async function load(root: string) {
  const { clips } = await openDataset(root);
  const rows: Float32Array[] = [];
  for (const clip of clips) {
    const audio = await readAudio(clip.path);
    rows.push(mfcc82(resample(toMono(audio), audio.sampleRate, mfcc82Spec.sampleRate)));
  }
  return { x: matrixOf(rows), labels: clips.map((c) => c.label), folds: clips.map((c) => c.fold) };
}

function report(title: string, data: Awaited<ReturnType<typeof load>>, tests: readonly number[]): void {
  console.log(title);
  for (const [name, fitTo] of Object.entries(models)) {
    const truth: string[] = [];
    const predicted: string[] = [];
    const start = performance.now();
    for (const fold of tests) {
      const side = (test: boolean) => data.folds.flatMap((f, i) => ((f === fold) === test ? [i] : []));
      const [train, test] = [side(false), side(true)];
      const model = fitTo(
        takeRows(data.x, train),
        train.map((i) => data.labels[i]),
      );
      truth.push(...test.map((i) => data.labels[i]));
      predicted.push(...model.predict(takeRows(data.x, test)));
    }
    const pairs = { truth, predicted };
    const f1 = averageScores(countClasses(pairs), 'macro').fScore;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `  ${name.padEnd(28)} accuracy ${accuracy(pairs).toFixed(3)}, macro F1 ${f1.toFixed(3)} (${seconds} s)`,
    );
  }
}

const root = process.argv[2];
if (root === undefined) throw new Error('Name the folder that holds esc10 and urbansound8k-folds12.');
report('ESC-10, five folds pooled', await load(join(root, 'esc10')), [1, 2, 3, 4, 5]);
const urban = await load(join(root, 'urbansound8k-folds12'));
report('UrbanSound8K, fold 1 to 2', urban, [2]);
report('UrbanSound8K, fold 2 to 1', urban, [1]);
