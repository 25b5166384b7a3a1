import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import {
  addNoise,
  balancedClassWeights,
  bandStatistics,
  batchesPerEpoch,
  checkSchedule,
  epochOrder,
  hardLabel,
  makeBatch,
  needsWaveforms,
  noAugmentation,
  randomGain,
  rollTime,
  scheduleFactor,
  shiftLevel,
  soundLength,
  specAugment,
  targetMatrix,
  timeShift,
} from '../../src/training/index.ts';

describe('scheduleFactor', () => {
  it('rises linearly, reaches 1 with the last warm-up step and falls towards its floor', () => {
    const spec = { kind: 'cosine', warmupEpochs: 2, floor: 0.1 } as const;
    const factors = Array.from({ length: 50 }, (_, step) => scheduleFactor(spec, step, 10, 5));
    expect(factors.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => (i + 1) / 10));
    expect(factors[10]).toBeCloseTo(1, 12);
    // Half way down the 40 steps of the cosine stands the mean of peak and floor.
    expect(factors[30]).toBeCloseTo(0.55, 12);
    // One step before the floor: 1 − cos(π/40) = 2 sin²(π/80).
    expect(factors[49] - 0.1).toBeCloseTo(0.9 * Math.sin(Math.PI / 80) ** 2, 12);
    for (let i = 11; i < 50; i++) expect(factors[i]).toBeLessThan(factors[i - 1]);
  });

  it('is the recursion of PyTorch’s CosineAnnealingLR', () => {
    // η(t+1) = (1 + cos(π(t+1)/T)) / (1 + cos(πt/T)) · η(t), as torch.optim.lr_scheduler computes it.
    const T = 17;
    let rate = 1;
    for (let t = 0; t < T; t++) {
      expect(scheduleFactor({ kind: 'cosine' }, t, T, 1)).toBeCloseTo(rate, 12);
      rate *= (1 + Math.cos((Math.PI * (t + 1)) / T)) / (1 + Math.cos((Math.PI * t) / T));
    }
  });

  it('is above 0 at every step, a single one and the last one included', () => {
    for (const epochs of [1, 2, 7]) {
      for (const steps of [1, 2, 5]) {
        for (const warmupEpochs of [0, 0.1, 1, epochs]) {
          for (let step = 0; step < epochs * steps; step++)
            expect(scheduleFactor({ kind: 'cosine', warmupEpochs }, step, epochs, steps)).toBeGreaterThan(0);
        }
      }
    }
  });

  it.each([
    [{ kind: 'step', everyEpochs: 10, factor: 0.1 }, /never steps within 10/],
    [{ kind: 'step', everyEpochs: 0, factor: 0.1 }, /everyEpochs > 0/],
    [{ kind: 'step', everyEpochs: 3, factor: 0 }, /factor/],
    [{ kind: 'constant', warmupEpochs: 11 }, /warm-up/],
    [{ kind: 'cosine', warmupEpochs: Number.NaN }, /warm-up/],
    [{ kind: 'cosine', floor: 1.5 }, /floor/],
  ] as const)('refuses %j for a run of 10 epochs', (spec, message) => {
    expect(() => checkSchedule(spec, 10)).toThrow(message);
  });

  it('falls in steps', () => {
    const spec = { kind: 'step', everyEpochs: 3, factor: 0.1 } as const;
    expect([0, 11, 12, 23, 24].map((step) => scheduleFactor(spec, step, 9, 4))).toEqual([
      1,
      1,
      0.1,
      0.1,
      0.1 ** 2,
    ]);
  });
});

describe('targetMatrix', () => {
  it('is one-hot over N for plain labels', () => {
    expect(Array.from(targetMatrix([hardLabel(2), hardLabel(0)], { classes: 3 }))).toEqual([
      0, 0, 0.5, 0.5, 0, 0,
    ]);
  });

  it('sums to one whatever the mixture, without weights', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            label: fc.nat(4),
            other: fc.nat(4),
            share: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
          { minLength: 1, maxLength: 9 },
        ),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (labels, labelSmoothing) => {
          const total = targetMatrix(labels, { classes: 5, labelSmoothing }).reduce((a, b) => a + b, 0);
          expect(total).toBeCloseTo(1, 5);
        },
      ),
    );
  });

  it('refuses labels and smoothing out of range', () => {
    expect(() => targetMatrix([hardLabel(3)], { classes: 3 })).toThrow(/Label 3/);
    expect(() => targetMatrix([hardLabel(0)], { classes: 3, labelSmoothing: 1 })).toThrow(/smoothing/);
    expect(() => targetMatrix([hardLabel(0)], { classes: 3, classWeights: [1] })).toThrow(/class weights/);
  });

  it('balances classes as scikit-learn does', () => {
    // compute_class_weight('balanced', [0, 1], [0, 0, 0, 1]) = [4 / 6, 4 / 2]
    expect(balancedClassWeights([0, 0, 0, 1], 2)).toEqual([4 / 6, 2]);
  });
});

describe('batches', () => {
  it('give every clip at least once an epoch, in full batches', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(5),
        (clips, size, epoch) => {
          const order = epochOrder(clips, size, 1, epoch);
          expect(order).toHaveLength(batchesPerEpoch(clips, size));
          expect(new Set(order.flat()).size).toBe(clips);
          for (const batch of order) expect(batch).toHaveLength(Math.min(size, clips));
        },
      ),
    );
  });

  const clips = Array.from({ length: 4 }, (_, label) => ({
    windows: [Float32Array.from({ length: 12 }, (_, i) => label * 100 + i)],
    label,
  }));
  const options = {
    nMels: 3,
    nFrames: 4,
    batchSize: 4,
    seed: 1,
    augmentation: noAugmentation,
    targets: { classes: 4 },
  };

  it('pass pictures through unchanged without augmentation', () => {
    const { x, targets } = makeBatch(clips, [2, 0], options, 0, 0);
    expect(x.dims).toEqual([2, 1, 3, 4]);
    expect(Array.from(x.data.subarray(0, 12))).toEqual(Array.from(clips[2].windows[0]));
    expect(Array.from(targets.data)).toEqual([0, 0, 0.5, 0, 0.5, 0, 0, 0]);
  });

  it('are the same for the same place in the run, and leave the clips alone', () => {
    const before = clips.map((clip) => clip.windows[0].slice());
    const augmentation = {
      ...noAugmentation,
      timeShift: 1,
      gain: 6,
      mixup: 0.4,
      specAugment: { frequencyMasks: 1, frequencyWidth: 1, timeMasks: 1, timeWidth: 2 },
    };
    const make = (batch: number) => makeBatch(clips, [0, 1, 2, 3], { ...options, augmentation }, 3, batch);
    expect(make(1)).toEqual(make(1));
    expect(make(1).x.data).not.toEqual(make(2).x.data);
    clips.forEach((clip, i) => {
      expect(clip.windows[0]).toEqual(before[i]);
    });
  });

  it('mix pictures and targets in the same shares', () => {
    const flat = [0, 1, 2, 3].map((label) => ({ windows: [new Float32Array(12).fill(label)], label }));
    const { x, targets } = makeBatch(
      flat,
      [0, 1, 2, 3],
      { ...options, augmentation: { ...noAugmentation, mixup: 1 } },
      0,
      0,
    );
    for (let n = 0; n < 4; n++) {
      // The picture's constant is the mean label under the row's shares (rows sum to 1/4).
      let mean = 0;
      for (let c = 0; c < 4; c++) mean += 4 * targets.data[n * 4 + c] * c;
      expect(x.data[n * 12]).toBeCloseTo(mean, 4);
    }
  });

  it('need waveforms for noise, and take features anew', () => {
    const augmentation = { ...noAugmentation, noiseSnr: [10, 10] as const, noiseProbability: 1 };
    expect(() => makeBatch(clips, [0], { ...options, augmentation }, 0, 0)).toThrow(/waveforms/);
    const withSound = [{ ...clips[0], waveforms: [new Float32Array(50).fill(0.5)] }];
    let heard: Float32Array | null = null;
    const frontEnd = (samples: Float32Array) => {
      heard = samples;
      return new Float32Array(12).fill(7);
    };
    const { x } = makeBatch(withSound, [0], { ...options, augmentation, frontEnd }, 0, 0);
    expect(Array.from(x.data)).toEqual(new Array(12).fill(7));
    expect(heard).not.toBeNull();
  });

  it('change the level of waveforms where pictures are no decibels', () => {
    const augmentation = { ...noAugmentation, gain: 6, gainOn: 'waveform' } as const;
    expect(needsWaveforms(augmentation)).toBe(true);
    expect(needsWaveforms({ ...augmentation, gainOn: 'picture' })).toBe(false);
    expect(() => makeBatch(clips, [0], { ...options, augmentation }, 0, 0)).toThrow(/waveforms/);
    const samples = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const frontEnd = (heard: Float32Array) => heard.slice(0, 12);
    const { x } = makeBatch(
      [{ ...clips[0], waveforms: [samples] }],
      [0],
      { ...options, augmentation, frontEnd },
      0,
      0,
    );
    const factor = x.data[1] / samples[1];
    expect(Math.abs(20 * Math.log10(factor))).toBeLessThanOrEqual(6);
    expect(factor).not.toBeCloseTo(1, 3);
    x.data.forEach((value, i) => {
      expect(value).toBeCloseTo(factor * samples[i], 6);
    });
  });
});

describe('augmentation of pictures', () => {
  const picture = () => ({ data: Float32Array.from({ length: 6 * 10 }, (_, i) => i), nMels: 6, nFrames: 10 });

  it('rolls every band by the same number of frames', () => {
    const p = picture();
    rollTime(p, 0.5, new Random(4));
    const shift = p.data.indexOf(0);
    for (let m = 0; m < 6; m++) {
      for (let f = 0; f < 10; f++) expect(p.data[m * 10 + ((f + shift) % 10)]).toBe(m * 10 + f);
    }
  });

  it('shifts the level by a constant within bounds', () => {
    const p = picture();
    shiftLevel(p, 6, new Random(4));
    const offset = p.data[0];
    expect(Math.abs(offset)).toBeLessThanOrEqual(6);
    p.data.forEach((value, i) => {
      expect(value - i).toBeCloseTo(offset, 4);
    });
  });

  it("masks whole bands and frames with the picture's own mean, no wider than asked", () => {
    const mean = (6 * 10 - 1) / 2;
    const bands = [0, 1, 2, 3, 4, 5];
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        const p = picture();
        const widths = { frequencyMasks: 1, frequencyWidth: 2, timeMasks: 1, timeWidth: 3 };
        specAugment(p, widths, new Random(seed));
        const band = (m: number) => p.data.subarray(m * 10, (m + 1) * 10);
        const maskedBands = bands.filter((m) => band(m).every((v) => v === mean));
        expect(maskedBands.length).toBeLessThanOrEqual(2);
        const open = bands.filter((m) => !maskedBands.includes(m));
        const maskedFrames = Array.from({ length: 10 }, (_, f) => open.every((m) => band(m)[f] === mean));
        const count = maskedFrames.filter(Boolean).length;
        expect(count).toBeLessThanOrEqual(3);
        for (const m of open) expect(band(m).filter((v) => v === mean).length).toBe(count);
      }),
    );
  });
});

describe('augmentation of waveforms', () => {
  const tone = Float32Array.from({ length: 20000 }, (_, i) => Math.sin(i / 7));

  it('adds noise at the stated signal-to-noise ratio', () => {
    const noisy = addNoise(tone, 12, new Random(2));
    let signal = 0;
    let noise = 0;
    tone.forEach((x, i) => {
      signal += x * x;
      noise += (noisy[i] - x) ** 2;
    });
    expect(10 * Math.log10(signal / noise)).toBeCloseTo(12, 0);
    expect(addNoise(new Float32Array(5), 12, new Random(2))).toEqual(new Float32Array(5));
  });

  it('adds as much noise to a clip that zeros fill up as to the clip alone, wherever it was shifted to', () => {
    const tone = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i + 0.5));
    const filled = new Float32Array(16000);
    filled.set(tone);
    const shifted = new Float32Array(16000);
    shifted.set(tone, 9000);
    const deviation = (noisy: Float32Array, clean: Float32Array) =>
      Math.sqrt(noisy.reduce((sum, x, i) => sum + (x - clean[i]) ** 2, 0) / noisy.length);
    // 12 dB below a sine's power of 1/2.
    const wanted = Math.sqrt(0.5 / 10 ** 1.2);
    expect(soundLength(filled)).toBe(4000);
    for (const window of [tone, filled, shifted]) {
      const noisy = addNoise(window, 12, new Random(3), soundLength(filled));
      expect(deviation(noisy, window) / wanted).toBeCloseTo(1, 1);
    }
  });

  it('rotates without losing a sample, and scales within the stated decibels', () => {
    const shifted = timeShift(tone, 0.5, new Random(9));
    expect(shifted).not.toEqual(tone);
    expect([...shifted].sort((a, b) => a - b)).toEqual([...tone].sort((a, b) => a - b));
    const factor = randomGain(tone, 6, new Random(9))[100] / tone[100];
    expect(Math.abs(20 * Math.log10(factor))).toBeLessThanOrEqual(6);
  });
});

describe('bandStatistics', () => {
  it('equals the plain formula, far from zero too', () => {
    const random = new Random(1);
    const pictures = [0, 1, 2].map(() =>
      Float32Array.from({ length: 2 * 50 }, (_, i) => -80 + random.normal() * (i < 50 ? 1 : 4)),
    );
    const { mean, deviation } = bandStatistics(pictures, 2);
    for (const m of [0, 1]) {
      const values = pictures.flatMap((p) => Array.from(p.subarray(m * 50, (m + 1) * 50)));
      const mu = values.reduce((a, b) => a + b, 0) / values.length;
      const sigma = Math.sqrt(values.reduce((a, b) => a + (b - mu) ** 2, 0) / values.length);
      expect(mean[m]).toBeCloseTo(mu, 4);
      expect(deviation[m]).toBeCloseTo(sigma, 4);
    }
  });

  it('leaves a constant band unscaled', () => {
    expect(bandStatistics([new Float32Array(6).fill(-100)], 2)).toEqual({
      mean: [-100, -100],
      deviation: [1, 1],
    });
  });
});
