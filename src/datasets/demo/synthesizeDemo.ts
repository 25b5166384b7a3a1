/**
 * @file The built-in synthetic set: the ten UrbanSound8K classes, computed. Each "recording" has its own voice
 * parameters, background, room, spectral colour, level and sometimes another sound far away; several overlapping
 * slices are cut from it, as in UrbanSound8K. So a split that ignores recordings leaks here as it does there.
 */
import { ParameterError, Random } from '../../core/index.ts';
import type { Clip, Dataset } from '../dataset.ts';
import { add, filter, pinkNoise, reverberate, rms, scale, whiteNoise } from './signal.ts';
import { voices } from './voices.ts';

export interface DemoOptions {
  /** Integer; default 0. */
  readonly seed?: number;
  /** Default 12. */
  readonly recordingsPerClass?: number;
  /** Default 5. */
  readonly slicesPerRecording?: number;
  /** Length of a slice; default 2. */
  readonly seconds?: number;
  /** Hz; default 22050. */
  readonly sampleRate?: number;
  /** Recordings are dealt to this many folds; default 4. */
  readonly folds?: number;
}

export type ResolvedDemoOptions = Required<DemoOptions>;

/** Fills in the defaults and checks the ranges. @throws {ParameterError} */
export function resolveDemoOptions(options: DemoOptions = {}): ResolvedDemoOptions {
  const resolved = {
    seed: 0,
    recordingsPerClass: 12,
    slicesPerRecording: 5,
    seconds: 2,
    sampleRate: 22050,
    folds: 4,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  } as ResolvedDemoOptions;
  for (const name of ['recordingsPerClass', 'slicesPerRecording', 'folds'] as const) {
    if (!Number.isInteger(resolved[name]) || resolved[name] < 1 || resolved[name] > 1000) {
      throw new ParameterError(
        `The demo set's ${name} must be a whole number from 1 to 1000, got ${resolved[name]}.`,
      );
    }
  }
  if (!Number.isInteger(resolved.seed))
    throw new ParameterError(`A seed must be an integer, got ${resolved.seed}.`);
  if (!(resolved.seconds >= 0.1 && resolved.seconds <= 60)) {
    throw new ParameterError(`The demo set's slices must last 0.1 to 60 seconds, got ${resolved.seconds}.`);
  }
  if (!Number.isInteger(resolved.sampleRate) || resolved.sampleRate < 8000 || resolved.sampleRate > 192000) {
    throw new ParameterError(
      `The demo set's sample rate must be 8000 to 192000 Hz, got ${resolved.sampleRate}.`,
    );
  }
  return resolved;
}

export interface Demo {
  /** `synthetic: true`; `root` and the clips' `path` are empty, as nothing lies on disk. */
  readonly dataset: Dataset;
  /** Samples of each clip by its id, mono, within [−1, 1]. */
  readonly waveforms: ReadonlyMap<string, Float32Array>;
  readonly sampleRate: number;
  /** 1 (foreground) or 2 (background) for each clip, as UrbanSound8K's column `salience`. */
  readonly saliences: ReadonlyMap<string, 1 | 2>;
}

export const demoGroupSource = 'The group is the synthetic recording a slice was cut from.';

/**
 * Synthesises the demo set in memory. The same options give the same samples; a recording does not depend on how
 * many others there are.
 * @throws {ParameterError} on options out of range.
 */
export function synthesizeDemo(options: DemoOptions = {}): Demo {
  const resolved = resolveDemoOptions(options);
  const { seed, recordingsPerClass, slicesPerRecording, seconds, sampleRate, folds } = resolved;
  const classes = Object.keys(voices);
  const sliceLength = Math.round(seconds * sampleRate);
  const hop = Math.round(sliceLength / 2);
  const clips: Clip[] = [];
  const waveforms = new Map<string, Float32Array>();
  const saliences = new Map<string, 1 | 2>();
  for (const [classId, label] of classes.entries()) {
    const dealt = dealFolds(recordingsPerClass, folds, new Random(`demo ${seed} folds ${label}`));
    for (let recording = 0; recording < recordingsPerClass; recording++) {
      const random = new Random(`demo ${seed} ${label} ${recording}`);
      const { samples, snr } = record(
        label,
        sliceLength + (slicesPerRecording - 1) * hop,
        sampleRate,
        random,
      );
      const group = `${900000 + classId * 1000 + recording}`;
      for (let slice = 0; slice < slicesPerRecording; slice++) {
        const id = `audio/fold${dealt[recording]}/${group}-${classId}-0-${slice}.wav`;
        const start = slice * hop;
        waveforms.set(id, samples.slice(start, start + sliceLength));
        saliences.set(id, snr >= 9 ? 1 : 2);
        clips.push({
          id,
          path: '',
          label,
          fold: dealt[recording],
          group,
          source: { startSeconds: start / sampleRate, endSeconds: (start + sliceLength) / sampleRate },
        });
      }
    }
  }
  const dataset: Dataset = {
    name: 'demo (synthetic)',
    kind: 'synthetic',
    root: '',
    classes,
    clips,
    officialFolds: true,
    groupSource: demoGroupSource,
    synthetic: true,
    notices: [],
  };
  return { dataset, waveforms, sampleRate, saliences };
}

/** Folds 1 … `folds` for each recording, as even as can be, in seeded order. */
function dealFolds(recordings: number, folds: number, random: Random): number[] {
  const order = random.shuffle(Array.from({ length: recordings }, (_, i) => i));
  const dealt = new Array<number>(recordings).fill(0);
  for (const [place, recording] of order.entries()) dealt[recording] = (place % folds) + 1;
  return dealt;
}

/** One recording: the voice in its surroundings. */
function record(
  label: string,
  length: number,
  sampleRate: number,
  random: Random,
): { samples: Float32Array; snr: number } {
  const level = (samples: Float32Array, decibels: number) =>
    scale(samples, 10 ** (decibels / 20) / Math.max(1e-9, rms(samples)));
  const voice = level(voices[label](length, sampleRate, random.fork('voice')), 0);
  const scene = random.fork('scene');
  let out = voice;

  // Where it was heard: a room or a street, near or far.
  if (scene.uniform() < 0.6) {
    const room = {
      seconds: scene.uniform(0.2, 1.2),
      wet: scene.uniform(0.05, 0.4),
      size: scene.uniform(0.6, 1.6),
    };
    out = reverberate(out, sampleRate, room);
  }
  // Other things going on: traffic rumble and hiss of this place, perhaps another source further off.
  const snr = scene.uniform(0, 22);
  const background = level(pinkNoise(length, scene), 0);
  filter(background, sampleRate, { type: 'lowpass', frequency: 600 * 12 ** scene.uniform(), q: 0.6 });
  filter(background, sampleRate, {
    type: 'peak',
    frequency: 80 * 40 ** scene.uniform(),
    q: scene.uniform(0.7, 3),
    gain: scene.uniform(-6, 12),
  });
  add(background, whiteNoise(length, scene), 0, 10 ** (scene.uniform(-40, -12) / 20));
  level(background, -snr);
  add(out, background);
  if (scene.uniform() < 0.5) {
    const others = Object.keys(voices).filter((name) => name !== label);
    const other = scene.pick(others);
    const far = voices[other](length, sampleRate, scene.fork('other'));
    filter(far, sampleRate, { type: 'lowpass', frequency: scene.uniform(1200, 4000), q: 0.6 });
    add(out, level(far, -scene.uniform(8, 20)));
  }
  // The recorder: its tone, its own level, and now and then its clipping.
  for (let band = 0; band < 2; band++) {
    const frequency = 120 * 50 ** scene.uniform();
    filter(out, sampleRate, {
      type: 'peak',
      frequency,
      q: scene.uniform(0.5, 1.5),
      gain: scene.uniform(-9, 9),
    });
  }
  const corner = scene.pick([3500, 6000, 9000, 11000]);
  if (corner < 0.45 * sampleRate) filter(out, sampleRate, { type: 'lowpass', frequency: corner, q: 0.7 });
  filter(out, sampleRate, { type: 'highpass', frequency: 30 * 4 ** scene.uniform(), q: 0.7 });
  level(out, scene.uniform(-38, -12));
  for (let i = 0; i < length; i++) out[i] = Math.min(0.999, Math.max(-0.999, out[i]));
  return { samples: out, snr };
}
