/**
 * @file The sounds of the golden vectors. They are made by IEEE additions, multiplications and divisions alone, in the
 * order of tools/fixtures/frontEnds.py, so that both sides have the same bits without any being stored.
 */

export const goldenSignals = ['chirp', 'noise', 'tones', 'near-silence', 'silence'] as const;
export type GoldenSignal = (typeof goldenSignals)[number];

/** Cosine and sine of 2·atan(t). */
function rotation(t: number): [number, number] {
  const d = 1 + t * t;
  return [(1 - t * t) / d, (2 * t) / d];
}

/** A linear congruential generator (Numerical Recipes' constants), values in [−1, 1). */
function* noise(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    yield state / 2147483648 - 1;
  }
}

/** A sine that sweeps from 0.01 radians a sample upward, at half of full scale. */
function* chirp(): Generator<number, never> {
  let [xr, xi] = [1, 0];
  let [wr, wi] = rotation(0.005);
  const [ur, ui] = rotation(1.5e-5);
  for (;;) {
    yield 0.5 * xi;
    [xr, xi] = [xr * wr - xi * wi, xr * wi + xi * wr];
    [wr, wi] = [wr * ur - wi * ui, wr * ui + wi * ur];
  }
}

/** Digital silence, then four strokes of three decaying partials over faint noise. */
function* tones(n: number): Generator<number, void> {
  const hiss = noise(7);
  const turns = [rotation(0.0288), rotation(0.0721), rotation(0.1444)];
  let z: [number, number][] = turns.map(() => [1, 0]);
  let level = 0;
  for (let i = 0; i < n; i++) {
    const faint = hiss.next().value;
    if (i < n >> 3) {
      yield 0;
      continue;
    }
    if ((i - (n >> 3)) % (n >> 2) === 0) level = 0.8;
    yield level * (0.5 * z[0][1] + 0.3 * z[1][1] + 0.2 * z[2][1]) + 0.001 * faint;
    z = z.map(([a, b], k) => {
      const [c, s] = turns[k];
      return [a * c - b * s, a * s + b * c];
    });
    level = level * 0.9997;
  }
}

/** `n` samples of a signal. */
export function goldenSignal(name: GoldenSignal, n: number): Float32Array {
  switch (name) {
    case 'chirp':
      return taken(n, chirp(), 1);
    case 'noise':
      return taken(n, noise(1), 0.25);
    case 'tones':
      return taken(n, tones(n), 1);
    case 'near-silence':
      return taken(n, noise(2), 3e-10);
    case 'silence':
      return new Float32Array(n);
  }
}

function taken(n: number, source: Generator<number, unknown>, gain: number): Float32Array {
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = gain * (source.next().value as number);
  return out;
}

/** FNV-1a over the samples' bits, word by word. */
export function signalChecksum(samples: Float32Array): number {
  let hash = 2166136261;
  for (const word of new Uint32Array(samples.buffer, samples.byteOffset, samples.length)) {
    hash = Math.imul(hash ^ word, 16777619) >>> 0;
  }
  return hash;
}
