import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { LogMelMaxima, type LogMelSpec, logMel, logMelSpec } from '../../src/features/index.ts';

const usual = { sampleRate: 8000, nFft: 256, hopLength: 64, nMels: 12 };
const noise = (n: number) => {
  const random = new Random(`noise of ${n}`);
  return Float32Array.from({ length: n }, (_, i) => random.normal() * Math.abs(Math.sin(i / 5000)));
};

/** The largest of each `per` neighbouring frames. */
function grouped({ data, nMels, nFrames }: ReturnType<typeof logMel>, per: number): number[][] {
  return Array.from({ length: Math.ceil(nFrames / per) }, (_, c) =>
    Array.from({ length: nMels }, (_, m) =>
      Math.max(...data.subarray(m * nFrames + c * per, m * nFrames + Math.min(nFrames, (c + 1) * per))),
    ),
  );
}

function streamed(samples: Float32Array, spec: LogMelSpec, columns: number, block: number) {
  const maxima = new LogMelMaxima(spec, columns);
  for (let at = 0; at < samples.length; at += block) maxima.push(samples.subarray(at, at + block));
  return maxima.finish();
}

describe('the log-mel of a stream, in columns', () => {
  it.each([
    ['centred, mirrored', {}, 600_001],
    ['not centred', { center: false }, 600_001],
    ['padded with zeros', { padMode: 'constant', nFft: 250 }, 530_000],
    ['an odd frame', { nFft: 255 }, 5000],
    ['frames apart from one another', { hopLength: 1000 }, 1_200_000],
    ['shorter than one stretch', {}, 5000],
    ['shorter than its padding', {}, 60],
  ] as const)('has the largest values of the frames that share one (%s)', (_, part, n) => {
    const spec = logMelSpec({ ...usual, ...part });
    const samples = noise(n);
    const whole = logMel(samples, spec);
    const { data, nFrames, frames, framesPerColumn } = streamed(samples, spec, 64, 7919);
    expect(frames).toBe(whole.nFrames);
    expect(nFrames).toBe(Math.ceil(frames / framesPerColumn));
    expect(nFrames).toBeLessThanOrEqual(64);
    const wanted = grouped(whole, framesPerColumn);
    let off = 0;
    wanted.forEach((column, c) => {
      column.forEach((value, m) => {
        off = Math.max(off, Math.abs(data[m * nFrames + c] - value));
      });
    });
    expect(off).toBeLessThan(1e-4);
  });

  it('refuses an empty signal as logMel does', () => {
    expect(() => new LogMelMaxima(logMelSpec(usual)).finish()).toThrow(/no samples/);
  });
});
