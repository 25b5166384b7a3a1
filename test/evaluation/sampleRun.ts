/** @file A made-up run with awkward names, leaks, bad files and a history, for the tests of reports. */
import { Random } from '../../src/core/index.ts';
import {
  type Evaluation,
  evaluatePredictions,
  type PredictionTable,
  type RunReport,
  type SplitSummary,
} from '../../src/evaluation/index.ts';

export const hostile = '<script>alert("x")</script> & |pipe| `tick` *star*';

const classes = [
  'air_conditioner',
  'car_horn',
  'children_playing',
  'dog_bark',
  'drilling',
  'engine_idling',
  'gun_shot',
  hostile,
  'siren',
  'street_music',
];

export const samplePredictions = (skill: number, seed = 5): PredictionTable => {
  const random = new Random(seed);
  const rows = Array.from({ length: 240 }, (_, i) => {
    const group = Math.floor(i / 4);
    const label = group % classes.length;
    const favourite = random.uniform() < skill ? label : (label + 1 + random.integer(3)) % classes.length;
    const raw = classes.map((_, c) => Math.exp(random.normal() + (c === favourite ? 2.5 : 0)));
    const total = raw.reduce((a, b) => a + b, 0);
    return {
      clip: `audio/fold${1 + (i % 2)}/${1000 + group}-${label}-0-${i % 4}.wav`,
      label: classes[label],
      group: String(1000 + group),
      fold: 2,
      probabilities: raw.map((v) => v / total),
    };
  });
  return { classes, rows };
};

export const sampleSplit = (leaked: number): SplitSummary => ({
  kind: leaked > 0 ? 'random' : 'folds',
  description:
    leaked > 0 ? 'random: 20 % of the clips held out, seed 1' : 'folds: training on 1, testing on 2',
  trainFolds: [1],
  testFolds: [2],
  trainClips: 700,
  validationClips: 100,
  testClips: 240,
  leak: { clips: leaked, share: leaked / 240, groups: Math.ceil(leaked / 4) },
});

export function sampleRun(options: { leaked?: number; skill?: number; synthetic?: boolean } = {}): RunReport {
  const predictions = samplePredictions(options.skill ?? 0.7);
  const evaluation: Evaluation = evaluatePredictions(predictions, {
    seed: 1,
    resamples: 300,
    split: sampleSplit(options.leaked ?? 0),
  });
  return {
    title: `cnn on UrbanSound8K ${hostile}`,
    approach: 'cnn',
    command: 'npx earshot train data/urbansound8k --approach cnn --train-folds 1 --test-folds 2 --seed 1',
    startedAt: '2026-11-23T16:00:00Z',
    network: { name: 'compact CNN', parameters: 221_466, weights: 'random' },
    dataset: {
      name: 'UrbanSound8K',
      kind: 'urbansound8k',
      synthetic: options.synthetic ?? false,
      groupSource: 'Recordings are told apart by the Freesound number in the file name.',
      fingerprint: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      classes,
      counts: classes.flatMap((label, i) => [
        { label, fold: 1, side: 'train' as const, clips: 70 - i },
        { label, fold: 1, side: 'validation' as const, clips: 10 },
        { label, fold: 2, side: 'test' as const, clips: 24 },
      ]),
      groups: { train: 120, validation: 20, test: 60 },
    },
    evaluation,
    predictions,
    history: Array.from({ length: 30 }, (_, i) => ({
      epoch: i + 1,
      trainLoss: 2.3 * Math.exp(-i / 12) + 0.1,
      validationLoss: 2.3 * Math.exp(-i / 9) + 0.7 + i / 100,
      validationAccuracy: 0.7 - 0.6 * Math.exp(-i / 6),
      learningRate: 0.001 * (1 - i / 30),
      seconds: 3.21,
    })),
    bestEpoch: 22,
    artefact: {
      file: 'model.onnx',
      bytes: 905_221,
      sampleRate: 22050,
      windowSeconds: 4,
      parityDifference: 3.2e-7,
    },
    failures: [
      { subject: 'audio/fold1/broken.wav', message: 'The file is empty (0 bytes).' },
      { subject: `audio/${hostile}.wav`, message: 'This is text, not sound.' },
    ],
    notices: [{ subject: 'audio/fold1/quiet.wav', message: 'The clip is silent.' }],
    config: { approach: 'cnn', epochs: 30, note: hostile, nested: { mixup: 0.2 } },
    versions: { earshot: '0.1.0', node: '20.19.0', 'onnxruntime-node': '1.30.0' },
    seed: 1,
    durations: { features: 8.31, training: 96.3, evaluation: 4.02 },
  };
}
