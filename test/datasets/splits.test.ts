import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetError, ParameterError } from '../../src/core/index.ts';
import {
  type Clip,
  classesOf,
  crossValidationFolds,
  type Dataset,
  leakSentence,
  measureLeak,
  type Split,
  splitDataset,
  validationSplit,
} from '../../src/datasets/index.ts';

function clip(id: string, label: string, group: string, fold: number | null = null): Clip {
  return { id, path: `/data/${id}`, label, group, fold };
}

function dataset(clips: Clip[]): Dataset {
  return {
    name: 'made up',
    kind: 'manifest',
    root: '/data',
    classes: classesOf(clips),
    clips,
    officialFolds: clips.every((c) => c.fold !== null),
    groupSource: '',
    synthetic: false,
    notices: [],
  };
}

/** Datasets whose groups have one class each: recordings per class with their numbers of slices. */
const oneClassGroups = fc
  .array(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 15 }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((classes) =>
    dataset(
      classes.flatMap((sizes, c) =>
        sizes.flatMap((size, r) =>
          Array.from({ length: size }, (_, i) => clip(`${c}-${r}-${i}`, `class${c}`, `g${c}-${r}`)),
        ),
      ),
    ),
  );

/** Any clips at all: groups may hold several classes. */
const anyClips = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 9 })), {
    minLength: 2,
    maxLength: 80,
  })
  .map((list) => dataset(list.map(([label, group], i) => clip(`${i}`, `class${label}`, `g${group}`))));

function expectPartition(data: Dataset, a: readonly Clip[], b: readonly Clip[]): void {
  expect(a.length + b.length).toBe(data.clips.length);
  expect(new Set([...a, ...b]).size).toBe(data.clips.length);
}

/** Runs a split that may rightly be impossible. */
function attempt(make: () => Split): Split | null {
  try {
    return make();
  } catch (error) {
    expect(error).toBeInstanceOf(DatasetError);
    return null;
  }
}

const fraction = fc.double({ min: 0.05, max: 0.6, noNaN: true });
const seed = fc.integer({ min: 0, max: 1000 });

describe('the leak', () => {
  it('is counted by hand', () => {
    const train = [clip('1', 'a', 'x'), clip('2', 'a', 'y'), clip('3', 'b', 'z')];
    const test = [
      clip('4', 'a', 'y'),
      clip('5', 'b', 'z'),
      clip('6', 'b', 'z'),
      clip('7', 'b', 'w'),
      clip('8', 'a', 'v'),
    ];
    expect(measureLeak(train, test)).toEqual({
      sharedGroups: ['y', 'z'],
      leakedClips: 3,
      testClips: 5,
      share: 0.6,
      // These clips do not say where in their recording they lie.
      overlappingClips: null,
    });
    expect(measureLeak(train, [])).toMatchObject({ leakedClips: 0, share: 0, overlappingClips: 0 });
  });

  it('counts test clips that overlap a training clip of their recording in time', () => {
    const at = (id: string, group: string, startSeconds: number, endSeconds: number): Clip => ({
      ...clip(id, 'a', group),
      source: { startSeconds, endSeconds },
    });
    const train = [at('1', 'x', 0, 4), at('2', 'x', 10, 14), at('3', 'y', 0, 4)];
    const test = [
      at('4', 'x', 4, 8), // touches one
      at('5', 'x', 3.5, 7.5), // overlaps one
      at('6', 'x', 11, 12), // lies within one
      at('7', 'x', 9, 15), // holds one
      at('8', 'z', 0, 4), // at the time of others, in another recording
    ];
    expect(measureLeak(train, test)).toMatchObject({ leakedClips: 4, overlappingClips: 3 });
    expect(leakSentence(measureLeak(train, test))).toMatch(/, and 3 overlap in time/);
    // Where one clip's place is not known, nothing can be said.
    expect(measureLeak(train, [...test, clip('9', 'a', 'y')]).overlappingClips).toBeNull();
  });
});

describe('a grouped split', () => {
  it('divides the clips, never a group, and repeats with its seed', () => {
    fc.assert(
      fc.property(anyClips, fraction, seed, (data, testFraction, s) => {
        const make = () => splitDataset(data, { kind: 'grouped', testFraction, seed: s });
        const split = attempt(make);
        if (!split) return;
        expectPartition(data, split.train, split.test);
        expect(split.leak.leakedClips).toBe(0);
        expect(make().test).toEqual(split.test);
      }),
    );
  });

  it('keeps each class within one recording of its share, and on both sides', () => {
    fc.assert(
      fc.property(oneClassGroups, fraction, seed, (data, testFraction, s) => {
        const { test, train } = splitDataset(data, { kind: 'grouped', testFraction, seed: s });
        for (const label of data.classes) {
          const all = data.clips.filter((c) => c.label === label);
          const groups = new Map<string, number>();
          for (const c of all) groups.set(c.group, (groups.get(c.group) ?? 0) + 1);
          const largest = Math.max(...groups.values());
          const tested = test.filter((c) => c.label === label).length;
          expect(Math.abs(tested - testFraction * all.length)).toBeLessThanOrEqual(largest);
          expect(tested).toBeGreaterThan(0);
          expect(train.some((c) => c.label === label)).toBe(true);
        }
      }),
    );
  });

  it('does not depend on the order in which clips are listed', () => {
    fc.assert(
      fc.property(oneClassGroups, seed, (data, s) => {
        const ids = (d: Dataset) =>
          splitDataset(d, { kind: 'grouped', seed: s })
            .test.map((c) => c.id)
            .sort();
        expect(ids(dataset([...data.clips].reverse()))).toEqual(ids(data));
      }),
    );
  });

  it('trains on a class that has one recording, and says so', () => {
    const data = dataset([
      clip('1', 'a', 'x'),
      clip('2', 'a', 'y'),
      clip('3', 'b', 'z'),
      clip('4', 'b', 'z'),
    ]);
    const split = splitDataset(data, { kind: 'grouped', testFraction: 0.5 });
    expect(split.train.filter((c) => c.label === 'b')).toHaveLength(2);
    expect(split.notices).toEqual([{ subject: 'b', message: expect.stringContaining('not tested') }]);
    expect(() =>
      splitDataset(dataset([clip('1', 'a', 'x'), clip('2', 'b', 'y')]), { kind: 'grouped' }),
    ).toThrow(DatasetError);
  });

  it('lends a class its second recording where the first is tied to another class', () => {
    // Recording p is all of class m; class l has p and q. So p must be trained on, and q can be tested.
    const data = dataset([clip('1', 'l', 'p'), clip('2', 'm', 'p'), clip('3', 'l', 'q')]);
    const split = splitDataset(data, { kind: 'grouped', testFraction: 0.5 });
    expect(split.test.map((c) => c.id)).toEqual(['3']);
  });
});

describe('cross-validation by recording', () => {
  it('tests every clip once, shares no group, and keeps each class’s excess below one recording', () => {
    fc.assert(
      fc.property(oneClassGroups, fc.integer({ min: 2, max: 5 }), seed, (data, k, s) => {
        const groups = new Set(data.clips.map((c) => c.group)).size;
        fc.pre(groups >= 2 * k);
        let splits: Split[];
        try {
          splits = crossValidationFolds(data, { kind: 'grouped', k, seed: s });
        } catch (error) {
          // Only when fewer recordings than parts were left for some part.
          expect(error).toBeInstanceOf(DatasetError);
          return;
        }
        expect(splits.flatMap((split) => split.test.map((c) => c.id)).sort()).toEqual(
          data.clips.map((c) => c.id).sort(),
        );
        for (const split of splits) {
          expectPartition(data, split.train, split.test);
          expect(split.leak.share).toBe(0);
          for (const label of data.classes) {
            const sizes = new Map<string, number>();
            for (const c of data.clips)
              if (c.label === label) sizes.set(c.group, (sizes.get(c.group) ?? 0) + 1);
            const total = [...sizes.values()].reduce((a, b) => a + b, 0);
            const tested = split.test.filter((c) => c.label === label).length;
            expect(tested - total / k).toBeLessThan(Math.max(...sizes.values()));
          }
        }
      }),
    );
  });

  it('takes the official folds where there are any', () => {
    const data = dataset([clip('1', 'a', 'x', 1), clip('2', 'a', 'y', 2), clip('3', 'a', 'z', 5)]);
    const splits = crossValidationFolds(data);
    expect(splits.map((split) => split.test.map((c) => c.id))).toEqual([['1'], ['2'], ['3']]);
    expect(splits[1].description).toBe('folds: training on 1, 5, testing on 2');
  });

  it('refuses more parts than recordings', () => {
    const data = dataset([clip('1', 'a', 'x'), clip('2', 'a', 'y')]);
    expect(() => crossValidationFolds(data, { k: 3 })).toThrow(/2 recordings, too few for 3 parts/);
    expect(() => crossValidationFolds(data, { k: 1 })).toThrow(ParameterError);
  });
});

describe('a stratified split', () => {
  it('takes the rounded share of each class and repeats with its seed', () => {
    fc.assert(
      fc.property(oneClassGroups, fraction, seed, (data, testFraction, s) => {
        const spec = { kind: 'stratified', testFraction, seed: s } as const;
        const split = splitDataset(data, spec);
        expectPartition(data, split.train, split.test);
        for (const label of data.classes) {
          const n = data.clips.filter((c) => c.label === label).length;
          const tested = split.test.filter((c) => c.label === label).length;
          expect(tested).toBe(Math.min(n - 1, Math.max(1, Math.round(testFraction * n))));
        }
        expect(splitDataset(data, spec).test).toEqual(split.test);
      }),
    );
  });
});

describe('a random split', () => {
  const data = dataset(Array.from({ length: 100 }, (_, i) => clip(`${i}`, `c${i % 2}`, `g${i % 10}`)));

  it('warns with the share of test clips whose recording is in training', () => {
    const split = splitDataset(data, { kind: 'random', testFraction: 0.2, seed: 3 });
    expectPartition(data, split.train, split.test);
    expect(split.test).toHaveLength(20);
    // Ten clips to a recording: with 20 of 100 held out, every recording keeps some in training here.
    expect(split.leak).toMatchObject({ share: 1, leakedClips: 20 });
    const warning = split.notices.find((n) => n.subject === 'leak')!.message;
    expect(warning).toContain('A random split ignores which recording');
    expect(warning).toContain('100.0 % of the test clips (20 of 20)');
  });

  it('changes with the seed', () => {
    const ids = (s: number) =>
      splitDataset(data, { kind: 'random', seed: s })
        .test.map((c) => c.id)
        .join();
    expect(ids(1)).toBe(ids(1));
    expect(ids(1)).not.toBe(ids(2));
  });

  it('refuses a fraction that is none', () => {
    for (const testFraction of [0, 1, -0.5, Number.NaN]) {
      expect(() => splitDataset(data, { kind: 'random', testFraction })).toThrow(ParameterError);
    }
  });
});

describe('a split within some official folds', () => {
  const data = dataset(
    Array.from({ length: 60 }, (_, i) => clip(`${i}`, `class${i % 3}`, `g${i % 20}`, 1 + (i % 4))),
  );

  it('takes their clips alone', () => {
    const { train, test } = splitDataset(data, { kind: 'random', withinFolds: [1, 3], testFraction: 0.5 });
    expect(new Set([...train, ...test].map(({ fold }) => fold))).toEqual(new Set([1, 3]));
    expect([train.length, test.length]).toEqual([15, 15]);
    for (const withinFolds of [[], [9]]) {
      expect(() => splitDataset(data, { kind: 'grouped', withinFolds })).toThrow(ParameterError);
    }
  });
});

describe('a split by folds', () => {
  const data = dataset([
    clip('1', 'a', 'x', 1),
    clip('2', 'b', 'y', 1),
    clip('3', 'a', 'x', 2),
    clip('4', 'b', 'z', 3),
    clip('5', 'c', 'w', 3),
  ]);
  const ids = (clips: readonly Clip[]) => clips.map((c) => c.id);

  it('takes the rest for the side that is not named', () => {
    const byTest = splitDataset(data, { kind: 'folds', testFolds: [3] });
    expect([ids(byTest.train), ids(byTest.test)]).toEqual([
      ['1', '2', '3'],
      ['4', '5'],
    ]);
    const byTrain = splitDataset(data, { kind: 'folds', trainFolds: [1] });
    expect([ids(byTrain.train), ids(byTrain.test)]).toEqual([
      ['1', '2'],
      ['3', '4', '5'],
    ]);
    expect(byTrain.description).toBe('folds: training on 1, testing on 2, 3');
  });

  it('leaves folds out that neither side names', () => {
    const split = splitDataset(data, { kind: 'folds', trainFolds: [1], testFolds: [2] });
    expect([ids(split.train), ids(split.test)]).toEqual([['1', '2'], ['3']]);
  });

  it('tells of a recording that lies in two folds, and of a class nobody trained', () => {
    const split = splitDataset(data, { kind: 'folds', trainFolds: [1], testFolds: [2, 3] });
    expect(split.leak).toMatchObject({ sharedGroups: ['x'], leakedClips: 1, testClips: 3 });
    expect(split.notices.map((n) => n.subject)).toEqual(['c', 'leak']);
    expect(split.notices[1].message).toContain('33.3 % of the test clips (1 of 3)');
  });

  it('refuses folds that do not exist or stand on both sides', () => {
    expect(() => splitDataset(data, { kind: 'folds', testFolds: [10] })).toThrow(
      /has no fold 10 \(asked for as test fold\)/,
    );
    expect(() => splitDataset(data, { kind: 'folds', trainFolds: [1, 2], testFolds: [2] })).toThrow(
      /Fold 2 cannot be trained and tested/,
    );
    expect(() => splitDataset(data, { kind: 'folds' })).toThrow(ParameterError);
    expect(() => splitDataset(data, { kind: 'folds', testFolds: [] })).toThrow(/list of test folds is empty/);
    expect(() => splitDataset(data, { kind: 'folds', testFolds: [1, 2, 3] })).toThrow(
      /No fold is left to train on/,
    );
    const unfolded = dataset([clip('1', 'a', 'x')]);
    expect(() => splitDataset(unfolded, { kind: 'folds', testFolds: [1] })).toThrow(DatasetError);
  });

  it('says how many clips have no fold', () => {
    const partial = dataset([...data.clips, clip('6', 'a', 'q', null)]);
    const split = splitDataset(partial, { kind: 'folds', testFolds: [3] });
    expect(split.notices[0].message).toContain('In no fold, so on neither side: 1 clip.');
  });
});

describe('a validation part', () => {
  it('is cut from training by recording', () => {
    fc.assert(
      fc.property(anyClips, fraction, seed, (data, f, s) => {
        const { train, validation } = validationSplit(data.clips, { fraction: f, seed: s });
        expectPartition(data, train, validation);
        expect(measureLeak(train, validation).leakedClips).toBe(0);
        // Nothing is validated on that was not learnt.
        const learnt = new Set(train.map((c) => c.label));
        expect(validation.every((c) => learnt.has(c.label))).toBe(true);
        expect(validationSplit(data.clips, { fraction: f, seed: s }).validation).toEqual(validation);
      }),
    );
  });

  it('leaves every class something to learn from, where recordings of several classes interlock', () => {
    // Two of the three recordings cannot be set aside, whichever they are: each class is in two of them.
    const clips = [
      ...[clip('0', 'a', 'x'), clip('1', 'a', 'y'), clip('2', 'b', 'y')],
      ...[clip('3', 'b', 'z'), clip('4', 'c', 'z'), clip('5', 'c', 'x')],
    ];
    for (let s = 0; s < 20; s++) {
      const { train } = validationSplit(clips, { fraction: 0.6, seed: s });
      expect(new Set(train.map(({ label }) => label)).size).toBe(3);
    }
  });

  it('keeps a class with a single recording in training, and says so', () => {
    const clips = [clip('1', 'a', 'x'), clip('2', 'b', 'y'), clip('3', 'b', 'z')];
    const split = validationSplit(clips, { fraction: 0.5 });
    expect(split.train.some((c) => c.label === 'a')).toBe(true);
    expect(split.validation).toHaveLength(1);
    expect(split.notices[0].message).toContain('for want of a recording to spare: a');
  });

  it('may be empty', () => {
    const clips = [clip('1', 'a', 'x'), clip('2', 'b', 'y')];
    expect(validationSplit(clips).notices[0].message).toContain('no validation part');
    expect(validationSplit(clips, { fraction: 0 })).toMatchObject({
      train: clips,
      validation: [],
      notices: [],
    });
    expect(() => validationSplit(clips, { fraction: 1 })).toThrow(ParameterError);
  });
});
