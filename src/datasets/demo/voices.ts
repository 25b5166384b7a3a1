/**
 * @file Ten urban sounds as parametric synthesis. A voice draws its parameters once per recording, so that slices of
 * one recording are alike and two recordings of one class are not; neighbours are meant to be confusable (jackhammer
 * and engine, drilling and air conditioner, siren and horn). They imitate; they are not recordings.
 */
import type { Random } from '../../core/index.ts';
import {
  add,
  decay,
  fade,
  filter,
  harmonicSeries,
  pinkNoise,
  play,
  resonate,
  reverberate,
  rms,
  scale,
  waveTable,
  whiteNoise,
} from './signal.ts';

/** Makes `length` samples of one recording. */
export type Voice = (length: number, sampleRate: number, random: Random) => Float32Array;

/** Log-uniform between two positive numbers: how pitches and rates spread. */
function logUniform(random: Random, low: number, high: number): number {
  return low * (high / low) ** random.uniform();
}

/** Event times in samples, the gaps drawn anew each time; the first comes soon. */
function eventTimes(length: number, sampleRate: number, gap: () => number): number[] {
  const times: number[] = [];
  for (let t = gap() * 0.5; t * sampleRate < length; t += gap()) times.push(Math.round(t * sampleRate));
  return times;
}

/** A slowly wandering value around 1: `depth` is its rough relative deviation, `rate` its speed in Hz. */
function wander(random: Random, sampleRate: number, rate: number, depth: number): (i: number) => number {
  const parts = [1, 1.7, 2.9].map((k) => ({
    step: (2 * Math.PI * rate * k * random.uniform(0.7, 1.3)) / sampleRate,
    phase: random.uniform(0, 2 * Math.PI),
    depth: depth / k,
  }));
  return (i) => 1 + parts.reduce((sum, p) => sum + p.depth * Math.sin(p.step * i + p.phase), 0);
}

/** Fan noise under a duct's low-pass, with the blades' hum and a slow swell. */
const airConditioner: Voice = (length, sampleRate, random) => {
  const corner = logUniform(random, 350, 2200);
  const out = filter(pinkNoise(length, random), sampleRate, { type: 'lowpass', frequency: corner, q: 0.7 });
  filter(out, sampleRate, {
    type: 'peak',
    frequency: logUniform(random, 120, 900),
    q: 2,
    gain: random.uniform(3, 12),
  });
  const hum = logUniform(random, 48, 180);
  const tone = waveTable(harmonicSeries(hum, sampleRate, random.uniform(0.8, 1.8), 8));
  const drift = wander(random, sampleRate, 0.3, 0.004);
  scale(out, 1 / rms(out));
  add(
    out,
    play(tone, length, sampleRate, (i) => hum * drift(i)),
    0,
    random.uniform(0.2, 1.6),
  );
  const swell = wander(random, sampleRate, random.uniform(0.2, 3), random.uniform(0.02, 0.15));
  for (let i = 0; i < length; i++) out[i] *= swell(i);
  return out;
};

/** Two brassy tones a third or so apart, in blasts. */
const carHorn: Voice = (length, sampleRate, random) => {
  const low = logUniform(random, 260, 520);
  const ratio = random.pick([1.19, 1.25, 1.26, 1.33, 1.5]);
  const table = waveTable(harmonicSeries(low * ratio, sampleRate, random.uniform(0.5, 1.1)));
  const long = random.uniform() < 0.4;
  const out = new Float32Array(length);
  for (const at of eventTimes(length, sampleRate, () =>
    long ? random.uniform(0.9, 1.5) : random.uniform(0.3, 1),
  )) {
    const n = Math.round((long ? random.uniform(0.6, 1.2) : random.uniform(0.12, 0.4)) * sampleRate);
    // The diaphragm takes a moment to reach its pitch.
    const glide = (i: number) => 1 - 0.03 * Math.exp((-i / sampleRate) * 40);
    const blast = play(table, n, sampleRate, (i) => low * glide(i));
    add(
      blast,
      play(table, n, sampleRate, (i) => low * ratio * glide(i)),
      0,
      random.uniform(0.7, 1),
    );
    add(out, fade(blast, sampleRate, 0.012, 0.04), at);
  }
  return resonate(out, sampleRate, [
    { frequency: logUniform(random, 400, 900), q: 1, gain: 1 },
    { frequency: logUniform(random, 1500, 3500), q: 1.5, gain: random.uniform(0.5, 1.5) },
  ]);
};

/** Several high voices at once: gliding syllables through two formants, some of them shouted, outdoors. */
const childrenPlaying: Voice = (length, sampleRate, random) => {
  const out = new Float32Array(length);
  const children = 3 + random.integer(4);
  for (let child = 0; child < children; child++) {
    const pitch = logUniform(random, 240, 520);
    const voice = new Float32Array(length);
    const table = waveTable(harmonicSeries(pitch * 1.8, sampleRate, random.uniform(0.8, 1.3)));
    const excited = random.uniform(0, 0.4);
    for (const at of eventTimes(length, sampleRate, () => random.uniform(0.12, 0.7))) {
      const shout = random.uniform() < excited;
      const n = Math.round((shout ? random.uniform(0.25, 0.6) : random.uniform(0.07, 0.22)) * sampleRate);
      const from = pitch * random.uniform(0.85, 1.25) * (shout ? 1.35 : 1);
      const to = from * random.uniform(0.75, 1.25);
      const vibrato = random.uniform(0.005, 0.03);
      const speed = (2 * Math.PI * random.uniform(4, 7)) / sampleRate;
      const syllable = play(
        table,
        n,
        sampleRate,
        (i) => (from + ((to - from) * i) / n) * (1 + vibrato * Math.sin(speed * i)),
      );
      const breath = scale(whiteNoise(n, random), 0.06);
      add(syllable, breath);
      add(voice, fade(syllable, sampleRate, 0.02, 0.05), at, (shout ? 1.6 : 0.8) * random.uniform(0.6, 1));
    }
    const vowel = resonate(voice, sampleRate, [
      { frequency: logUniform(random, 450, 1100), q: 3, gain: 1 },
      { frequency: logUniform(random, 1400, 3200), q: 4, gain: random.uniform(0.4, 1) },
    ]);
    add(out, vowel, 0, random.uniform(0.4, 1));
  }
  return reverberate(out, sampleRate, {
    seconds: random.uniform(0.4, 1.2),
    wet: random.uniform(0.15, 0.4),
    size: 1.3,
  });
};

/** Barks in groups: pitch up then down, rough, through the muzzle's formants. */
const dogBark: Voice = (length, sampleRate, random) => {
  const pitch = logUniform(random, 180, 800);
  const rough = random.uniform(0.2, 0.9);
  const duration = random.uniform(0.09, 0.24);
  const table = waveTable(harmonicSeries(pitch * 1.6, sampleRate, random.uniform(0.4, 1)));
  const pace = random.uniform(0.22, 0.9);
  const dry = new Float32Array(length);
  for (const at of eventTimes(length, sampleRate, () => pace * random.uniform(0.7, 1.5))) {
    const n = Math.round(duration * random.uniform(0.8, 1.2) * sampleRate);
    const height = pitch * random.uniform(0.92, 1.08);
    const bark = play(
      table,
      n,
      sampleRate,
      (i) => height * (0.75 + 0.7 * Math.sin((Math.PI * i) / n) ** 0.7),
    );
    const grit = filter(whiteNoise(n, random), sampleRate, { type: 'lowpass', frequency: 5000, q: 0.7 });
    for (let i = 0; i < n; i++)
      bark[i] = (1 - rough * 0.6) * bark[i] + rough * grit[i] * Math.sin((Math.PI * i) / n);
    decay(bark, sampleRate, duration * 3);
    add(dry, fade(bark, sampleRate, 0.008, 0.04), at, random.uniform(0.7, 1));
  }
  return resonate(dry, sampleRate, [
    { frequency: logUniform(random, 400, 1000), q: 2, gain: 1 },
    { frequency: logUniform(random, 1000, 2400), q: 2.5, gain: random.uniform(0.5, 1.2) },
  ]);
};

/** A motor's whine that sags under load, and grit from the wall, beating with the rotation. */
const drilling: Voice = (length, sampleRate, random) => {
  const speed = logUniform(random, 70, 260);
  const load = wander(random, sampleRate, random.uniform(0.3, 1.2), random.uniform(0.02, 0.1));
  const whine = play(
    waveTable(harmonicSeries(speed * 1.3, sampleRate, random.uniform(0.2, 0.8))),
    length,
    sampleRate,
    (i) => speed * load(i),
  );
  const grit = resonate(whiteNoise(length, random), sampleRate, [
    { frequency: logUniform(random, 1200, 3000), q: 1.5, gain: 1 },
    { frequency: logUniform(random, 3000, 7000), q: 2, gain: random.uniform(0.5, 1.5) },
  ]);
  scale(grit, random.uniform(0.4, 1.6) / rms(grit));
  scale(whine, 1 / rms(whine));
  // A hammer drill knocks; a plain one does not.
  const knock = random.uniform() < 0.5 ? logUniform(random, 28, 55) : 0;
  const depth = random.uniform(0.3, 0.8);
  const step = (2 * Math.PI * knock) / sampleRate;
  for (let i = 0; i < length; i++) {
    const beat = knock > 0 ? 1 - depth * (0.5 + 0.5 * Math.sin(step * i)) : 1;
    whine[i] = (whine[i] + grit[i] * beat) * load(i);
  }
  return filter(whine, sampleRate, { type: 'highpass', frequency: 90, q: 0.7 });
};

/** Combustion pulses with jitter through exhaust resonances, and valve noise in their rhythm. */
const engineIdling: Voice = (length, sampleRate, random) => {
  const firing = logUniform(random, 13, 42);
  const cylinders = random.pick([2, 3, 4, 6]);
  const uneven = Array.from({ length: cylinders }, () => random.uniform(0.75, 1.25));
  const pulses = new Float32Array(length);
  const pulse = Math.max(2, Math.round(random.uniform(0.002, 0.006) * sampleRate));
  let beat = 0;
  for (let t = 0; t * sampleRate < length; t += (1 / firing) * (1 + 0.03 * random.normal())) {
    const at = Math.round(t * sampleRate);
    const gain = uneven[beat++ % cylinders] * random.uniform(0.85, 1.15);
    for (let i = 0; i < pulse && at + i < length; i++)
      pulses[at + i] += gain * Math.sin((Math.PI * i) / pulse);
  }
  const out = resonate(pulses, sampleRate, [
    { frequency: logUniform(random, 55, 140), q: random.uniform(2, 6), gain: 1 },
    { frequency: logUniform(random, 160, 420), q: 4, gain: random.uniform(0.3, 0.9) },
    { frequency: logUniform(random, 600, 1600), q: 3, gain: random.uniform(0.1, 0.5) },
  ]);
  const valves = filter(whiteNoise(length, random), sampleRate, {
    type: 'bandpass',
    frequency: logUniform(random, 1200, 4000),
    q: 0.8,
  });
  let envelope = 0;
  const release = Math.exp(-1 / (0.012 * sampleRate));
  for (let i = 0; i < length; i++) {
    envelope = Math.max(pulses[i], envelope * release);
    valves[i] *= envelope;
  }
  scale(out, 1 / rms(out));
  add(out, valves, 0, random.uniform(0.1, 0.7) / Math.max(1e-6, rms(valves)));
  return out;
};

/** A shock of noise that dies at once, then its echoes between houses. */
const gunShot: Voice = (length, sampleRate, random) => {
  const body = logUniform(random, 0.06, 0.3);
  const dark = logUniform(random, 900, 6000);
  const pace = random.uniform(0.25, 1);
  const dry = new Float32Array(length);
  for (const at of eventTimes(length, sampleRate, () => pace * random.uniform(0.8, 1.4))) {
    const n = Math.round(body * 2 * sampleRate);
    const shot = decay(whiteNoise(n, random), sampleRate, body);
    filter(shot, sampleRate, { type: 'lowpass', frequency: dark, q: 0.8 });
    const thump = play(waveTable([1]), n, sampleRate, (i) => 60 + 90 * Math.exp((-i / sampleRate) * 30));
    add(shot, decay(thump, sampleRate, body * 1.5), 0, random.uniform(0.2, 0.7));
    add(dry, shot, at, random.uniform(0.8, 1));
  }
  for (let echo = 0; echo < 2; echo++) {
    const delay = Math.round(random.uniform(0.06, 0.3) * sampleRate);
    add(dry, dry.slice(), delay, random.uniform(0.05, 0.25));
  }
  return reverberate(dry, sampleRate, {
    seconds: random.uniform(0.3, 1.6),
    wet: random.uniform(0.15, 0.5),
    size: 1.6,
  });
};

/** Quick blows: each a click ringing in the steel and a thump of the ground, with the compressor's hiss. */
const jackhammer: Voice = (length, sampleRate, random) => {
  const rate = logUniform(random, 9, 28);
  const steel = [0, 1, 2].map(() => ({
    frequency: logUniform(random, 700, 6000),
    q: random.uniform(6, 20),
    gain: random.uniform(0.4, 1),
  }));
  const ring = random.uniform(0.015, 0.05);
  const blows = new Float32Array(length);
  for (let t = 0; t * sampleRate < length; t += (1 / rate) * (1 + 0.04 * random.normal())) {
    const n = Math.round(ring * sampleRate);
    add(
      blows,
      decay(whiteNoise(n, random), sampleRate, ring),
      Math.round(t * sampleRate),
      random.uniform(0.7, 1),
    );
  }
  const out = resonate(blows, sampleRate, steel);
  const ground = filter(blows.slice(), sampleRate, {
    type: 'bandpass',
    frequency: logUniform(random, 70, 200),
    q: 1.5,
  });
  scale(out, 1 / rms(out));
  add(out, ground, 0, random.uniform(0.3, 1) / rms(ground));
  const hiss = filter(whiteNoise(length, random), sampleRate, { type: 'highpass', frequency: 1500, q: 0.7 });
  add(out, hiss, 0, random.uniform(0.05, 0.4) / rms(hiss));
  return out;
};

/** Wail, yelp or two tones, with the harmonics of a horn and the street's echo. */
const siren: Voice = (length, sampleRate, random) => {
  const low = logUniform(random, 420, 800);
  const high = low * random.uniform(1.3, 2.4);
  const style = random.pick(['wail', 'yelp', 'two-tone'] as const);
  const rate =
    style === 'wail'
      ? random.uniform(0.15, 0.5)
      : style === 'yelp'
        ? random.uniform(2, 5)
        : random.uniform(0.5, 1.2);
  const start = random.uniform();
  const frequency = (i: number) => {
    const turn = (start + (rate * i) / sampleRate) % 1;
    if (style === 'two-tone') return turn < 0.5 ? low : low * 1.33;
    const up = turn < 0.6 ? turn / 0.6 : (1 - turn) / 0.4;
    return low * (high / low) ** up;
  };
  const table = waveTable(harmonicSeries(high, sampleRate, random.uniform(0.7, 1.6), 12));
  const tone = play(table, length, sampleRate, frequency);
  const distance = wander(random, sampleRate, 0.15, 0.25);
  for (let i = 0; i < length; i++) tone[i] *= Math.max(0.2, distance(i));
  return reverberate(tone, sampleRate, {
    seconds: random.uniform(0.5, 1.5),
    wet: random.uniform(0.1, 0.45),
    size: 1.5,
  });
};

/** A melody over bass notes and a beat, plucked or bowed, in one key and tempo. */
const streetMusic: Voice = (length, sampleRate, random) => {
  const beat = 60 / random.uniform(72, 150);
  const root = logUniform(random, 98, 196);
  const scaleSteps = random.pick([
    [0, 2, 4, 7, 9],
    [0, 3, 5, 7, 10],
    [0, 2, 3, 5, 7, 8, 10],
  ]);
  const plucked = random.uniform() < 0.6;
  const table = waveTable(harmonicSeries(root * 8, sampleRate, random.uniform(0.6, 1.6), 14));
  const out = new Float32Array(length);
  const note = (at: number, semitones: number, seconds: number, gain: number) => {
    const n = Math.round(seconds * sampleRate);
    const hertz = root * 2 ** (semitones / 12);
    const sound = play(table, n, sampleRate, () => hertz, random.uniform());
    if (plucked) decay(sound, sampleRate, seconds * 1.4);
    add(out, fade(sound, sampleRate, plucked ? 0.004 : 0.05, 0.04), at, gain);
  };
  const drums = random.uniform() < 0.6 ? random.uniform(0.1, 0.5) : 0;
  let degree = random.integer(scaleSteps.length);
  let chord = 0;
  for (let half = 0; half * beat * 0.5 * sampleRate < length; half++) {
    const at = Math.round(half * beat * 0.5 * sampleRate);
    if (half % 8 === 0) chord = random.pick([0, 5, 7, -3]);
    if (half % 4 === 0) for (const third of [0, 7]) note(at, chord + third, beat * 2, 0.5);
    if (random.uniform() < 0.75) {
      degree += random.integer(5) - 2;
      const octave = 12 * (1 + Math.floor(degree / scaleSteps.length));
      const step = scaleSteps[((degree % scaleSteps.length) + scaleSteps.length) % scaleSteps.length];
      note(at, Math.min(30, Math.max(0, octave + step)), beat * random.pick([0.5, 1]), 0.8);
    }
    if (drums > 0) {
      const hat = decay(whiteNoise(Math.round(0.06 * sampleRate), random), sampleRate, 0.06);
      add(out, filter(hat, sampleRate, { type: 'highpass', frequency: 4000, q: 0.7 }), at, drums);
    }
  }
  return out;
};

/** The voices by UrbanSound8K class name, in classID order. */
export const voices: Readonly<Record<string, Voice>> = {
  air_conditioner: airConditioner,
  car_horn: carHorn,
  children_playing: childrenPlaying,
  dog_bark: dogBark,
  drilling,
  engine_idling: engineIdling,
  gun_shot: gunShot,
  jackhammer,
  siren,
  street_music: streetMusic,
};
