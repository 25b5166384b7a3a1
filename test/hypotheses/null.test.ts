/** @file The null experiment: where labels mean nothing, tests reject about as often as they say. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { type Hypothesis, recordingTable, testHypotheses } from '../../src/hypotheses/index.ts';
import { kruskalWallis } from '../../src/statistics/index.ts';
import { bareTable, clip, everyKind, measured } from './tables.ts';

const alpha = 0.05;
const depth = { permutations: 19, resamples: 20, forestPermutations: 0 };

/** Three standard errors above the nominal rate: a right test is above it once in 700 experiments. */
const most = (trials: number) => alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / trials);

describe('on data without an effect', () => {
  const trials = 200;
  it('each kind of test, and the family of them, reject at about their nominal rate', async () => {
    const table = bareTable(3, 8, 2);
    const rejected: Record<string, number> = { chance: 0, ranks: 0, paired: 0, ablation: 0, family: 0 };
    const p: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      const { judged } = await testHypotheses(table, depth, trial, {
        workers: 0,
        hypotheses: [everyKind(table, trial)],
      });
      for (const { result } of judged[0].tests) if (result.p <= alpha) rejected[result.id]++;
      if (judged[0].verdict !== 'not shown') rejected['family']++;
      p.push(judged[0].tests[0].result.p);
    }
    for (const [name, count] of Object.entries(rejected)) {
      expect(count / trials, name).toBeLessThan(most(trials));
    }
    // A test that never rejects would pass the above. Ties of accuracies and small classes make them cautious, not blind.
    expect(rejected['chance'] / trials).toBeGreaterThan(0.015);
    expect(rejected['ranks'] / trials).toBeGreaterThan(0.005);
    // p is spread evenly: its mean is ½, a little more where accuracies tie.
    const mean = p.reduce((a, b) => a + b, 0) / trials;
    expect(mean).toBeGreaterThan(0.46);
    expect(mean).toBeLessThan(0.62);
  }, 120_000);

  it('recordings as units keep the rate where clips of a recording are alike; counting clips would not', async () => {
    const rejected = { ranks: 0, clips: 0 };
    for (let trial = 0; trial < trials; trial++) {
      const random = new Random(`labels ${trial}`);
      // Recordings differ from each other, and labels are dealt out to recordings by chance.
      const labels = random.shuffle(Array.from({ length: 18 }, (_, r) => (r % 2 === 0 ? 'a' : 'b')));
      const place = labels.map(() => random.normal());
      const clips = labels.flatMap((label, r) =>
        Array.from({ length: 4 }, (_, i) => clip(label, `r${r}`, i)),
      );
      const rows = measured(clips, ({ group }) => {
        const level = place[Number(group.slice(1))];
        return Array.from({ length: 6 }, () => level + 0.3 * random.normal());
      });
      const { table } = recordingTable(rows, { officialFolds: false, folds: 2, seed: trial });
      const hypothesis: Hypothesis = {
        ...{ number: 1, title: 'Nothing', claim: 'There is something.', limits: '' },
        tests: ({ blocks }) => [
          {
            kind: 'ranks',
            id: 'ranks',
            title: '',
            deciding: true,
            columns: [...'abcdef'],
            matrix: blocks.shape,
            noun: 'column',
          },
        ],
      };
      const { judged } = await testHypotheses(table, depth, trial, { workers: 0, hypotheses: [hypothesis] });
      if (judged[0].tests[0].result.p <= alpha) rejected.ranks++;
      const one = rows.map(({ numbers }) => numbers[numbers.findIndex((v) => v !== 0)]);
      if (
        kruskalWallis(
          one,
          clips.map(({ label }) => label),
        ).p <= alpha
      )
        rejected.clips++;
    }
    expect(rejected.ranks / trials).toBeLessThan(most(trials));
    // Four alike clips instead of one: z grows to about twice its size, beyond 1.96 in a third of the trials.
    expect(rejected.clips / trials).toBeGreaterThan(0.2);
  }, 120_000);
});

describe('on data with an effect', () => {
  it('every kind of test finds it', async () => {
    const table = bareTable(3, 10, 2);
    const { judged, forest } = await testHypotheses(
      table,
      { permutations: 99, resamples: 200, forestPermutations: 9 },
      1,
      { workers: 0, hypotheses: [everyKind(table, 1, 3)] },
    );
    expect(judged[0].verdict).toBe('supported');
    const [chance, ranks, paired, ablation] = judged[0].tests.map(({ result }) => result);
    if (chance?.kind !== 'chance' || ranks?.kind !== 'ranks' || paired?.kind !== 'paired') throw new Error();
    if (ablation?.kind !== 'ablation') throw new Error();
    expect(chance.accuracy.value).toBeGreaterThan(0.9);
    expect(chance.p).toBe(0.01);
    // Equal classes, so that chance is a third.
    expect(Math.abs(chance.null.mean - 1 / 3)).toBeLessThan(0.06);
    expect(chance.effect.value).toBeCloseTo(chance.accuracy.value - chance.null.mean, 12);
    expect(ranks.differing).toBe(6);
    expect(ranks.effect.value).toBe(Math.max(...ranks.columns.map(({ etaSquared }) => etaSquared.value)));
    expect(paired.effect.value).toBeCloseTo((paired.onlyFirst - paired.onlySecond) / 30, 12);
    expect(paired.effect.low).toBeGreaterThan(0);
    // Only the part that takes all away costs anything.
    expect(ablation.parts[ablation.worst].name).toBe('all');
    expect(ablation.parts[1]).toMatchObject({ p: 1, loss: { value: 0 }, onlyWhole: 0, onlyWithout: 0 });
    const { perClass, loss } = ablation.parts[0];
    expect(perClass.reduce((a, b) => a + b, 0) / 3).toBeCloseTo(loss.value, 12);
    // Ranks need no classifier and are not repeated.
    expect(forest[0].map(({ kind }) => kind)).toEqual(['chance', 'paired', 'ablation']);
    expect(forest[0][0].effect.value).toBeGreaterThan(0.4);
  }, 120_000);

  it('threads and the calling thread find the same', async () => {
    const table = bareTable(2, 6, 2);
    const run = (workers: number) =>
      testHypotheses(table, depth, 3, { workers, hypotheses: [everyKind(table, 2, 1)] });
    expect(await run(2)).toEqual(await run(0));
  }, 120_000);

  it('stops when it is told to', async () => {
    const table = bareTable(2, 6, 2);
    for (const workers of [0, 1]) {
      await expect(
        testHypotheses(table, depth, 3, {
          ...{ workers, hypotheses: [everyKind(table, 2)] },
          signal: AbortSignal.abort(),
        }),
      ).rejects.toMatchObject({ code: 'CANCELLED' });
    }
  });
});
