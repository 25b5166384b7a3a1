/** The zero-shot models beside numpy's closed forms, their nodes beside themselves, and ALE beside brute force. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { matrixOf } from '../../src/classifiers/index.ts';
import { float32, ParameterError, Random } from '../../src/core/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import {
  detection,
  energyScore,
  FitRows,
  fitAle,
  fitMahalanobis,
  mahalanobisScores,
  rankingLoss,
  stackingAt,
  stackingCurve,
  unknownThreshold,
  type ZeroShotMethodName,
  zeroShotMethodByName,
  zeroShotMethods,
} from '../../src/zeroShot/index.ts';
import { runModel } from '../support/runModel.ts';

interface Scored {
  clips: number;
  vectors: number;
  scores: number[][];
}

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/zeroShot/models.json', import.meta.url), 'utf8'),
) as {
  names: string[];
  seen: number;
  vectors: number[][];
  x: number[][];
  y: number[];
  xTest: number[][];
  yTest: number[];
  eszsl: Scored[];
  regression: Scored[];
  conse: Scored[];
  stacking: { scores: number[][]; points: [number, number, number][]; ausuc: number };
  mahalanobis: Record<string, number[]>;
  detection: { known: number[]; unknown: number[]; auroc: number; fpr95: number };
  energy: { logits: number[][]; scores: number[] };
};

const classes = fixture.names.slice(0, fixture.seen);
const labels = fixture.y.map((c) => fixture.names[c]);
const rows = new FitRows(matrixOf(fixture.x), labels, classes);
const seen = matrixOf(fixture.vectors.slice(0, fixture.seen));
const candidates = matrixOf(fixture.vectors);
const xTest = matrixOf(fixture.xTest);

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

describe('models', () => {
  const cases: [ZeroShotMethodName, Scored[], number][] = [
    ['eszsl', fixture.eszsl, 1e-9],
    ['attribute-regression', fixture.regression, 1e-9],
    // The logistic regressions stop at different tolerances.
    ['conse', fixture.conse, 1e-3],
  ];
  it.each(cases)('%s scores as its formula in numpy', (name, references, tolerance) => {
    for (const reference of references) {
      const learnt = zeroShotMethodByName(name).learn(rows, reference.clips, 0);
      const scores = learnt.scorer(xTest)(seen, candidates, reference.vectors);
      expect(largestDifference(scores.data, reference.scores.flat())).toBeLessThan(tolerance);
    }
  });

  it('ridge has the same solution by rows as by columns', () => {
    const few = new FitRows(matrixOf(fixture.x.slice(0, 6)), labels.slice(0, 6), classes);
    const direct = few.ridge(few.targets(1, -1), 3);
    const wide = few.x;
    // (XᵀX + 3I)·W must be XᵀT again.
    const { rows: n, columns: d } = wide;
    for (let i = 0; i < d; i++) {
      for (let c = 0; c < classes.length; c++) {
        let left = 3 * direct.data[i * classes.length + c];
        let right = 0;
        for (let r = 0; r < n; r++) {
          let predicted = 0;
          for (let j = 0; j < d; j++) predicted += wide.data[r * d + j] * direct.data[j * classes.length + c];
          left += wide.data[r * d + i] * predicted;
          right += wide.data[r * d + i] * (labels[r] === classes[c] ? 1 : -1);
        }
        expect(left).toBeCloseTo(right, 9);
      }
    }
  });

  it.each(zeroShotMethods.map(({ name }) => name))('%s gives the same scores as nodes', async (name) => {
    const { settings, learn } = zeroShotMethodByName(name);
    const [clips, vectors] = [settings.clips.grid.at(-1)!, settings.vectors.grid.at(-1)!];
    for (const setting of new Set([vectors, settings.vectors.grid[0]])) {
      const learnt = learn(rows, clips, 4);
      const expected = learnt.scorer(xTest)(seen, candidates, setting);
      const g = new GraphBuilder();
      const x = g.input('x', 'float32', ['N', xTest.columns]);
      g.output(learnt.nodes(g, x, seen, candidates, setting), 'scores');
      const { scores } = await runModel(g.model(), {
        x: float32([xTest.rows, xTest.columns], Float32Array.from(xTest.data)),
      });
      const scale = Math.max(...expected.data.map(Math.abs));
      expect(largestDifference(scores!.data as Float32Array, expected.data)).toBeLessThan(2e-5 * scale);
    }
  });

  it('two seen classes work in all of them', async () => {
    const two = labels.flatMap((label, i) => (label === 'c0' || label === 'c1' ? [i] : []));
    const pair = new FitRows(
      matrixOf(two.map((i) => fixture.x[i])),
      two.map((i) => labels[i]),
      ['c1', 'c0'],
    );
    const own = matrixOf([fixture.vectors[1], fixture.vectors[0]]);
    for (const { learn, settings } of zeroShotMethods) {
      const learnt = learn(pair, settings.clips.grid.at(-1)!, 0);
      const scores = learnt.scorer(pair.x)(own, own, settings.vectors.grid.at(-1)!);
      const right = two.filter((i, r) => {
        const best = scores.data[2 * r] >= scores.data[2 * r + 1] ? 'c1' : 'c0';
        return best === labels[i];
      });
      expect(right.length).toBeGreaterThan(0.8 * two.length);
      const g = new GraphBuilder();
      const x = g.input('x', 'float32', ['N', pair.x.columns]);
      g.output(learnt.nodes(g, x, own, own, settings.vectors.grid.at(-1)!), 'scores');
      const made = await runModel(g.model(), {
        x: float32([pair.x.rows, pair.x.columns], Float32Array.from(pair.x.data)),
      });
      const scale = Math.max(...scores.data.map(Math.abs));
      expect(largestDifference(made['scores'].data as Float32Array, scores.data)).toBeLessThan(2e-5 * scale);
    }
  });

  it('refuses rows that cannot be learnt from', () => {
    expect(() => new FitRows(matrixOf(fixture.x), labels, [...classes, 'c6'])).toThrow(/'c6' has no row/);
    expect(() => new FitRows(matrixOf(fixture.x), labels, classes.slice(1))).toThrow(ParameterError);
    expect(() => new FitRows(matrixOf(fixture.x), labels.slice(1), classes)).toThrow(/60 rows .* 59 labels/);
  });
});

describe('ALE', () => {
  it('weights violations by the rank that sorting gives', () => {
    const random = new Random(3);
    for (let trial = 0; trial < 200; trial++) {
      const scores = Array.from({ length: 7 }, () => 2 * random.normal());
      const truth = random.integer(7);
      // By brute force: the classes above the margin, and 1 + 1/2 + … + 1/rank.
      const above = scores.filter((score, c) => c !== truth && score > scores[truth] - 1);
      const rank = above.length;
      let beta = 0;
      for (let i = 1; i <= rank; i++) beta += 1 / i;
      const hinge = above.map((score) => 1 + score - scores[truth]).reduce((sum, value) => sum + value, 0);
      expect(rankingLoss(scores, truth).loss).toBeCloseTo(rank === 0 ? 0 : (beta / rank) * hinge, 12);
    }
  });

  it('has the gradient of central differences', () => {
    const random = new Random(5);
    for (let trial = 0; trial < 50; trial++) {
      const scores = Array.from({ length: 6 }, () => 2 * random.normal());
      const truth = random.integer(6);
      // Away from the kinks, where a class enters or leaves the violating ones.
      if (scores.some((score, c) => c !== truth && Math.abs(1 + score - scores[truth]) < 1e-3)) continue;
      const { gradient } = rankingLoss(scores, truth);
      scores.forEach((_, c) => {
        const moved = (by: number) =>
          rankingLoss(
            scores.map((s, k) => (k === c ? s + by : s)),
            truth,
          ).loss;
        expect((moved(1e-5) - moved(-1e-5)) / 2e-5).toBeCloseTo(gradient[c], 6);
      });
    }
  });

  it('steps as gradient descent on W written out in full', () => {
    const weights = fitAle(rows, seen, { learningRate: 0.3, epochs: 2, seed: 9 });
    const { x, positions } = rows;
    const d = x.columns;
    const a = seen.columns;
    const w = new Float64Array(d * a);
    const scale = 1 / Math.sqrt(d);
    const random = new Random('9/ale');
    const order = Array.from({ length: x.rows }, (_, i) => i);
    for (let epoch = 0; epoch < 2; epoch++) {
      for (const i of random.shuffle(order)) {
        const score = (c: number) => {
          let sum = 0;
          for (let j = 0; j < d; j++)
            for (let p = 0; p < a; p++)
              sum += scale * x.data[i * d + j] * w[j * a + p] * seen.data[c * a + p];
          return sum;
        };
        const { gradient } = rankingLoss(
          classes.map((_, c) => score(c)),
          positions[i],
        );
        for (let j = 0; j < d; j++)
          for (let p = 0; p < a; p++)
            for (let c = 0; c < classes.length; c++)
              w[j * a + p] -= 0.3 * scale * x.data[i * d + j] * gradient[c] * seen.data[c * a + p];
      }
    }
    expect(
      largestDifference(
        weights.data,
        w.map((value) => scale * value),
      ),
    ).toBeLessThan(1e-9);
  });

  it('learns to rank the true class first where that can be', () => {
    const scores = zeroShotMethodByName('ale').learn(rows, 1, 0).scorer(rows.x)(seen, seen, 0);
    const right = labels.filter((label, i) => {
      const row = Array.from(scores.data.subarray(i * 6, (i + 1) * 6));
      return classes[row.indexOf(Math.max(...row))] === label;
    });
    expect(right.length / labels.length).toBeGreaterThan(0.75);
  });
});

describe('calibrated stacking', () => {
  const { scores, points, ausuc } = fixture.stacking;
  const items = {
    scores: matrixOf(scores),
    truth: fixture.yTest,
    seen: fixture.names.map((_, c) => c < fixture.seen),
  };

  it('has the accuracies of an argmax at every constant', () => {
    for (const [gamma, s, u] of points) {
      const point = stackingAt(items, gamma);
      expect(point.seen).toBeCloseTo(s, 12);
      expect(point.unseen).toBeCloseTo(u, 12);
      expect(point.harmonic).toBeCloseTo(s + u === 0 ? 0 : (2 * s * u) / (s + u), 12);
    }
  });

  it('has the area under that curve', () => {
    const curve = stackingCurve(items);
    expect(curve.ausuc).toBeCloseTo(ausuc, 10);
    expect(curve.points[0]).toMatchObject({ gamma: Number.NEGATIVE_INFINITY, unseen: 0 });
    expect(curve.points.at(-1)!.seen).toBe(0);
    for (const { gamma, seen: s, unseen: u } of curve.points.slice(1)) {
      const at = stackingAt(items, gamma);
      expect([at.seen, at.unseen].map((value) => value.toFixed(9))).toEqual([s, u].map((v) => v.toFixed(9)));
    }
  });

  it('needs both sides', () => {
    expect(() => stackingCurve({ ...items, seen: fixture.names.map(() => true) })).toThrow(ParameterError);
  });
});

describe('unknown sounds', () => {
  it('have the energy of scipy', () => {
    fixture.energy.logits.forEach((row, i) => {
      expect(energyScore(row)).toBeCloseTo(fixture.energy.scores[i], 10);
    });
    expect(energyScore([1000, 1000])).toBeCloseTo(1000 + Math.log(2), 10);
  });

  it.each([3, 5])('have the Mahalanobis distance of the whole covariance, %i directions', (directions) => {
    const model = fitMahalanobis(matrixOf(fixture.x), labels, directions);
    const scores = mahalanobisScores(model, xTest);
    scores.forEach((score, i) => {
      expect(score / fixture.mahalanobis[directions][i]).toBeCloseTo(1, 9);
    });
  });

  it('are told apart as well as scikit-learn says', () => {
    const { known, unknown, auroc, fpr95 } = fixture.detection;
    const found = detection(known, unknown);
    expect(found.auroc).toBeCloseTo(auroc, 12);
    expect(found.fpr95).toBeCloseTo(fpr95, 12);
  });

  it('no more known sounds than stated lie below the threshold', () => {
    const random = new Random(2);
    for (const n of [1, 3, 19, 20, 21, 100]) {
      const scores = Array.from({ length: n }, () => random.normal());
      for (const rate of [0.01, 0.05, 0.5]) {
        const threshold = unknownThreshold(scores, rate);
        const below = scores.filter((score) => score < threshold).length;
        expect(below).toBeLessThanOrEqual(rate * n);
        expect(below + 1).toBeGreaterThan(rate * n - 1e-9);
      }
    }
  });
});
