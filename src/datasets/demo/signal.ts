/** @file The few sound-making parts the synthetic voices are built of. All work in place on Float32Array samples. */
import type { Random } from '../../core/index.ts';

/** White noise, uniform in [−1, 1). */
export function whiteNoise(length: number, random: Random): Float32Array {
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = random.uint32() / 2147483648 - 1;
  return out;
}

/**
 * Noise whose spectrum falls about 3 dB per octave: Paul Kellet's "economy" three-pole filter of white noise, as given
 * in the music-dsp archive.
 */
export function pinkNoise(length: number, random: Random): Float32Array {
  const out = whiteNoise(length, random);
  let a = 0;
  let b = 0;
  let c = 0;
  for (let i = 0; i < length; i++) {
    const white = out[i];
    a = 0.99765 * a + white * 0.099046;
    b = 0.963 * b + white * 0.2965164;
    c = 0.57 * c + white * 1.0526913;
    out[i] = 0.25 * (a + b + c + white * 0.1848);
  }
  return out;
}

export interface FilterSpec {
  readonly type: 'lowpass' | 'highpass' | 'bandpass' | 'peak';
  /** Centre or corner, Hz; brought below 0.45 of the sample rate. */
  readonly frequency: number;
  readonly q: number;
  /** Peak gain in dB, `peak` only. */
  readonly gain?: number;
}

/** A second-order filter after Robert Bristow-Johnson's Audio EQ Cookbook, in place. The bandpass has 0 dB at its centre. */
export function filter(samples: Float32Array, sampleRate: number, spec: FilterSpec): Float32Array {
  const w = (2 * Math.PI * Math.min(spec.frequency, 0.45 * sampleRate)) / sampleRate;
  const cos = Math.cos(w);
  const alpha = Math.sin(w) / (2 * spec.q);
  const amplitude = 10 ** ((spec.gain ?? 0) / 40);
  let b: [number, number, number];
  let a: [number, number, number] = [1 + alpha, -2 * cos, 1 - alpha];
  if (spec.type === 'lowpass') b = [(1 - cos) / 2, 1 - cos, (1 - cos) / 2];
  else if (spec.type === 'highpass') b = [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2];
  else if (spec.type === 'bandpass') b = [alpha, 0, -alpha];
  else {
    b = [1 + alpha * amplitude, -2 * cos, 1 - alpha * amplitude];
    a = [1 + alpha / amplitude, -2 * cos, 1 - alpha / amplitude];
  }
  const [b0, b1, b2] = b.map((v) => v / a[0]) as [number, number, number];
  const [a1, a2] = [a[1] / a[0], a[2] / a[0]];
  let z1 = 0;
  let z2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i];
    const y = b0 * x + z1;
    z1 = b1 * x - a1 * y + z2;
    z2 = b2 * x - a2 * y;
    samples[i] = y;
  }
  return samples;
}

/** Formants or body resonances: the sum of several bandpasses of the same input. */
export function resonate(
  samples: Float32Array,
  sampleRate: number,
  bands: readonly { readonly frequency: number; readonly q: number; readonly gain: number }[],
): Float32Array {
  const out = new Float32Array(samples.length);
  for (const { frequency, q, gain } of bands) {
    add(out, filter(samples.slice(), sampleRate, { type: 'bandpass', frequency, q }), 0, gain);
  }
  return out;
}

/** One period of a tone from the amplitudes of its harmonics (the first is the fundamental), peak 1. */
export function waveTable(harmonics: readonly number[]): Float32Array {
  const size = 2048;
  const table = new Float32Array(size + 1);
  for (let h = 0; h < harmonics.length; h++) {
    // Phases that grow with the square of the number (Schroeder 1970) keep the crest low.
    const phase = (Math.PI * h * h) / harmonics.length;
    for (let i = 0; i <= size; i++)
      table[i] += harmonics[h] * Math.sin((2 * Math.PI * (h + 1) * i) / size + phase);
  }
  let peak = 0;
  for (const v of table) peak = Math.max(peak, Math.abs(v));
  if (peak > 0) for (let i = 0; i <= size; i++) table[i] /= peak;
  return table;
}

/** Amplitudes falling as 1/h^slope, as many as stay below 0.45 of the sample rate at `highest` Hz. */
export function harmonicSeries(highest: number, sampleRate: number, slope: number, most = 40): number[] {
  const n = Math.max(1, Math.min(most, Math.floor((0.45 * sampleRate) / highest)));
  return Array.from({ length: n }, (_, h) => (h + 1) ** -slope);
}

/** Plays a wave table at a frequency that may move: `frequency(i)` in Hz at sample i. */
export function play(
  table: Float32Array,
  length: number,
  sampleRate: number,
  frequency: (i: number) => number,
  startPhase = 0,
): Float32Array {
  const out = new Float32Array(length);
  const size = table.length - 1;
  let phase = startPhase;
  for (let i = 0; i < length; i++) {
    const position = phase * size;
    const k = Math.floor(position);
    out[i] = table[k] + (position - k) * (table[k + 1] - table[k]);
    phase += frequency(i) / sampleRate;
    phase -= Math.floor(phase);
  }
  return out;
}

/** Straight rise over `attack` seconds and fall over `release` seconds at the ends, in place. */
export function fade(
  samples: Float32Array,
  sampleRate: number,
  attack: number,
  release: number,
): Float32Array {
  const up = Math.min(samples.length, Math.round(attack * sampleRate));
  const down = Math.min(samples.length, Math.round(release * sampleRate));
  for (let i = 0; i < up; i++) samples[i] *= i / up;
  for (let i = 0; i < down; i++) samples[samples.length - 1 - i] *= i / down;
  return samples;
}

/** Exponential decay, 60 dB in `seconds`, in place. */
export function decay(samples: Float32Array, sampleRate: number, seconds: number): Float32Array {
  const factor = Math.exp(-6.9078 / (seconds * sampleRate));
  let level = 1;
  for (let i = 0; i < samples.length; i++) {
    samples[i] *= level;
    level *= factor;
  }
  return samples;
}

/** `target[at + i] += gain · source[i]`, clipped to the target's length. */
export function add(target: Float32Array, source: Float32Array, at = 0, gain = 1): void {
  const start = Math.max(0, -at);
  const end = Math.min(source.length, target.length - at);
  for (let i = start; i < end; i++) target[at + i] += gain * source[i];
}

export function scale(samples: Float32Array, gain: number): Float32Array {
  for (let i = 0; i < samples.length; i++) samples[i] *= gain;
  return samples;
}

/** Root mean square of the samples. */
export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const v of samples) sum += v * v;
  return Math.sqrt(sum / Math.max(1, samples.length));
}

/**
 * A room after Schroeder (1962): four damped combs in parallel, two all-passes in series.
 * @param seconds time to fall by 60 dB
 * @param wet share of the room in the result, in [0, 1]
 */
export function reverberate(
  samples: Float32Array,
  sampleRate: number,
  { seconds, wet, size }: { seconds: number; wet: number; size: number },
): Float32Array {
  const room = new Float32Array(samples.length);
  for (const milliseconds of [29.7, 37.1, 41.1, 43.7]) {
    const delay = Math.max(1, Math.round((milliseconds * size * sampleRate) / 1000));
    const feedback = 10 ** ((-3 * delay) / (sampleRate * seconds));
    const line = new Float32Array(delay);
    let damped = 0;
    for (let i = 0, k = 0; i < samples.length; i++, k = k + 1 === delay ? 0 : k + 1) {
      const out = line[k];
      damped = 0.7 * out + 0.3 * damped;
      line[k] = samples[i] + feedback * damped;
      room[i] += 0.25 * out;
    }
  }
  for (const milliseconds of [5, 1.7]) {
    const delay = Math.max(1, Math.round((milliseconds * sampleRate) / 1000));
    const line = new Float32Array(delay);
    for (let i = 0, k = 0; i < room.length; i++, k = k + 1 === delay ? 0 : k + 1) {
      const out = line[k] - 0.7 * room[i];
      line[k] = room[i] + 0.7 * out;
      room[i] = out;
    }
  }
  const result = scale(samples.slice(), 1 - wet);
  add(result, room, 0, wet);
  return result;
}
