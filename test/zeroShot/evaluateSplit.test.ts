/** What must hold of an evaluation whatever the data: nothing unseen is fitted to, and splits are what they say. */
import { describe, expect, it } from 'vitest';
import { matrixOf } from '../../src/classifiers/index.ts';
import { ParameterError, Random } from '../../src/core/index.ts';
import {
  type ClassVectors,
  classSplits,
  evaluateSplit,
  type LabelledRows,
  type SplitRows,
  scaledVectors,
  shuffledVectors,
  summariseSplits,
  vectorsOf,
  type ZeroShotMethodName,
  zeroShotMethodNames,
} from '../../src/zeroShot/index.ts';

const classes = ['ant', 'bee', 'cow', 'dog', 'eel', 'fox', 'gnu', 'hen'];
const drawn = new Random('attributes');
const table = classes.map(() => Array.from({ length: 4 }, () => drawn.normal()));
const vectors: ClassVectors = {
  classes,
  matrix: matrixOf(table),
  attributes: ['a', 'b', 'c', 'd'],
  source: 'Made up.',
};

/** Clips whose embedding shows their attributes under noise. */
function rowsOf(some: readonly string[], each: number, seed: string): LabelledRows {
  const random = new Random(seed);
  const labels = some.flatMap((label) => Array.from({ length: each }, () => label));
  const x = matrixOf(
    labels.map((label) => {
      const attributes = table[classes.indexOf(label)];
      return Array.from({ length: 6 }, (_, j) => attributes[j % 4] * (1 + j / 3) + 0.4 * random.normal());
    }),
  );
  return { x, labels, groups: labels.map((label, i) => `${seed}/${label}${Math.floor(i / 2)}`) };
}

const split = classSplits(classes, { unseen: 2 })[5];
const sides: SplitRows = {
  fit: rowsOf(split.seen, 12, 'fit'),
  seenTest: rowsOf(split.seen, 6, 'test'),
  unseen: rowsOf(split.unseen, 10, 'unseen'),
};
const options = {
  methods: zeroShotMethodNames,
  vectors,
  scaling: 'centred',
  permutations: 5,
  seed: 1,
} as const;
const outcome = evaluateSplit(split, sides, options);

describe('one division', () => {
  it('recognises classes by attributes that show in the embedding', () => {
    for (const { method, accuracy } of outcome.methods)
      expect([method, accuracy > 0.8]).toEqual([method, true]);
  });

  it('fits the same whatever the clips of unseen classes are, so none of them can have leaked', () => {
    const other: SplitRows = { ...sides, unseen: rowsOf(split.unseen, 25, 'others') };
    const again = evaluateSplit(split, other, options);
    again.methods.forEach((one, m) => {
      const before = outcome.methods[m];
      expect(one.settings).toEqual(before.settings);
      // The constant of stacking is chosen inside the seen classes too.
      expect(one.generalised.calibrated.gamma).toBe(before.generalised.calibrated.gamma);
      // What becomes of seen classes' clips is the same at any constant.
      expect(one.generalised.plain.seen).toBe(before.generalised.plain.seen);
      expect(one.generalised.calibrated.seen).toBe(before.generalised.calibrated.seen);
    });
    expect(again.seenAccuracy).toBe(outcome.seenAccuracy);
  });

  it('would change if an unseen clip were fitted to', () => {
    // The control of the test above: it can fail.
    const leaky = [...sides.fit.labels];
    leaky[0] = split.seen[1];
    const changed = evaluateSplit(split, { ...sides, fit: { ...sides.fit, labels: leaky } }, options);
    const seenOf = (o: typeof outcome) => o.methods.map(({ generalised }) => generalised.ausuc);
    expect(seenOf(changed)).not.toEqual(seenOf(outcome));
  });

  it('refuses a class on the wrong side, and a recording on both', () => {
    const leaked = rowsOf([...split.seen, split.unseen[0]], 12, 'fit');
    expect(() => evaluateSplit(split, { ...sides, fit: leaked }, options)).toThrow(/on the side 'fit'/);
    const shared = { ...sides.unseen, groups: sides.unseen.groups.map(() => sides.fit.groups[0]) };
    expect(() => evaluateSplit(split, { ...sides, unseen: shared }, options)).toThrow(
      /fitted to and tested on/,
    );
  });

  it('swapping the vectors of two unseen classes turns every decision round', () => {
    const swapped = {
      ...vectors,
      matrix: matrixOf(
        classes.map((label) => {
          const [a, b] = split.unseen;
          const taken = label === a ? b! : label === b ? a! : label;
          return table[classes.indexOf(taken)];
        }),
      ),
    };
    const turned = evaluateSplit(split, sides, { ...options, vectors: swapped });
    turned.methods.forEach(({ accuracy }, m) => {
      expect(accuracy).toBeCloseTo(1 - outcome.methods[m].accuracy, 12);
    });
  });

  it('tells known from unknown sounds better than chance', () => {
    for (const { auroc, fpr95 } of Object.values(outcome.unknown)) {
      expect(auroc).toBeGreaterThan(0);
      expect(auroc).toBeLessThanOrEqual(1);
      expect(fpr95).toBeLessThanOrEqual(1);
    }
    expect(outcome.unknown.mahalanobis.auroc).toBeGreaterThan(0.5);
  });
});

describe('divisions of classes', () => {
  it('all pairs hold every pair once', () => {
    const pairs = classSplits(classes, { unseen: 2 });
    expect(pairs).toHaveLength(28);
    expect(new Set(pairs.map(({ name }) => name)).size).toBe(28);
    for (const { seen, unseen } of pairs) expect([...seen, ...unseen].sort()).toEqual(classes);
  });

  it('repeated divisions leave every class out equally often', () => {
    const many = classSplits(classes, { unseen: 3, splits: 4, seed: 7 });
    const times = classes.map((label) => many.filter(({ unseen }) => unseen.includes(label)).length);
    expect(times).toEqual(classes.map(() => 4));
    expect(many).toEqual(classSplits(classes, { unseen: 3, splits: 4, seed: 7 }));
    expect(many).not.toEqual(classSplits(classes, { unseen: 3, splits: 4, seed: 8 }));
  });

  it('refuses what there cannot be', () => {
    expect(() => classSplits(classes, { unseen: 7 })).toThrow(ParameterError);
    expect(() => classSplits(classes, { unseen: 1 })).toThrow(ParameterError);
    expect(() => classSplits(['ant', 'bee', 'cow'])).toThrow(/3 classes are too few to divide/);
    const many = Array.from({ length: 50 }, (_, i) => `c${i}`);
    expect(() => classSplits(many, { unseen: 10 })).toThrow(/more than 2000/);
  });
});

describe('class vectors', () => {
  it('name the classes that are missing', () => {
    expect(() => vectorsOf(vectors, ['ant', 'yak', 'zebu'])).toThrow(/no class vector for yak, zebu/);
  });

  it('are scaled by the seen classes alone', () => {
    const seen = vectorsOf(vectors, split.seen);
    const { seen: centred } = scaledVectors(seen, vectorsOf(vectors, split.unseen), 'centred');
    const other = scaledVectors(seen, matrixOf([[9, 9, 9, 9]]), 'centred');
    expect(other.seen.data).toEqual(centred.data);
    for (let r = 0; r < centred.rows; r++) {
      const length = centred.data.subarray(4 * r, 4 * r + 4).reduce((sum, value) => sum + value ** 2, 0);
      expect(length).toBeCloseTo(1, 12);
    }
  });

  it('shuffled are the same vectors on other classes', () => {
    const shuffled = shuffledVectors(vectors, 'x');
    const rows = (v: ClassVectors) =>
      classes.map((_, c) => Array.from(v.matrix.data.subarray(4 * c, 4 * c + 4)).join());
    expect(rows(shuffled)).not.toEqual(rows(vectors));
    expect(rows(shuffled).sort()).toEqual(rows(vectors).sort());
  });
});

describe('many divisions', () => {
  it('are summarised with intervals over recordings and a shuffled control', () => {
    const methods: ZeroShotMethodName[] = ['eszsl'];
    const pairs = classSplits(classes, { unseen: 2, splits: 2 });
    const all = rowsOf(classes, 14, 'all');
    const take = (chosen: readonly string[], where: (i: number) => boolean): LabelledRows => {
      const places = all.labels.flatMap((label, i) => (chosen.includes(label) && where(i % 14) ? [i] : []));
      return {
        x: matrixOf(places.map((i) => all.x.data.subarray(6 * i, 6 * i + 6))),
        labels: places.map((i) => all.labels[i]),
        groups: places.map((i) => all.groups[i]),
      };
    };
    const runs = pairs.map((pair) => ({
      pair,
      unseen: take(pair.unseen, () => true),
      fit: take(pair.seen, (i) => i < 10),
      seenTest: take(pair.seen, (i) => i >= 10),
    }));
    const outcomes = runs.map(({ pair, ...rest }) =>
      evaluateSplit(pair, rest, { ...options, methods, permutations: 40 }),
    );
    const tested = runs.map(({ unseen }) =>
      unseen.labels.map((label, i) => ({
        id: `${label} ${unseen.x.data[6 * i]}`,
        label,
        group: unseen.groups[i],
      })),
    );
    const {
      methods: [eszsl],
      chance,
    } = summariseSplits(outcomes, tested, 0);
    expect(chance).toBe(0.5);
    const mean = outcomes.reduce((sum, one) => sum + one.methods[0].accuracy, 0) / outcomes.length;
    expect(eszsl!.accuracy.value).toBeCloseTo(mean, 12);
    const { low, high, groups } = eszsl!.accuracy.recordings;
    expect(groups).toBe(8 * 7);
    expect(low!).toBeLessThanOrEqual(mean);
    expect(high!).toBeGreaterThanOrEqual(mean);
    expect(eszsl!.shuffled!.mean).toBeGreaterThan(0.3);
    expect(eszsl!.shuffled!.mean).toBeLessThan(0.7);
    expect(eszsl!.shuffled!.p).toBeLessThan(0.1);
  });
});
