/** @file The log-mel front end as data: everything that decides its numbers, nothing left to a default. */
import { ParameterError } from '../core/errors.ts';
import type { FrontEndAxes } from './frontEndAxes.ts';
import { melFilterBank } from './mel.ts';
import { frameCount } from './stft.ts';

/**
 * A log-mel front end. Frames of `nFft` samples, `hopLength` apart, times a periodic Hann window of `winLength`
 * (centred in the frame), |DFT|^power, mel filters, decibels: 10·log10(max(x, amin)) for power 2, 20·log10 for
 * power 1, floored at the clip's own maximum − topDb.
 */
export interface LogMelSpec {
  readonly kind: 'log-mel';
  readonly version: 1;
  /** Samples per second of the waveform it takes. */
  readonly sampleRate: number;
  readonly nFft: number;
  readonly winLength: number;
  readonly hopLength: number;
  readonly nMels: number;
  /** Hz. */
  readonly fMin: number;
  /** Hz, ≤ sampleRate / 2. */
  readonly fMax: number;
  readonly melScale: 'slaney' | 'htk';
  /** `slaney`: triangles of unit area; null: of unit height. */
  readonly melNorm: 'slaney' | null;
  /** 2: mel of power; 1: mel of magnitude. */
  readonly power: 1 | 2;
  /** True: frame t is centred on sample t·hopLength, with floor(nFft / 2) samples of padding at both ends. */
  readonly center: boolean;
  readonly padMode: 'reflect' | 'constant';
  /** Smallest mel value, > 0. */
  readonly amin: number;
  /** Decibels kept below the clip's maximum, ≥ 0; null keeps all. */
  readonly topDb: number | null;
}

/** Log-mel decibels, `data` of shape [nMels, nFrames], row-major. */
export interface LogMel {
  readonly data: Float32Array;
  readonly nMels: number;
  readonly nFrames: number;
}

/**
 * A complete spec from the parts that matter to you. Defaults: nFft 2048, winLength nFft, hopLength winLength / 4,
 * 128 mels from 0 Hz to sampleRate / 2 on Slaney's scale with area norm, power, centred, reflect, amin 1e-10,
 * topDb 80.
 * @throws {ParameterError} for values out of range
 */
export function logMelSpec(options: Partial<LogMelSpec> & { sampleRate: number }): LogMelSpec {
  const nFft = options.nFft ?? 2048;
  const winLength = options.winLength ?? nFft;
  const spec: LogMelSpec = {
    kind: 'log-mel',
    version: 1,
    sampleRate: options.sampleRate,
    nFft,
    winLength,
    hopLength: options.hopLength ?? Math.max(1, winLength >> 2),
    nMels: options.nMels ?? 128,
    fMin: options.fMin ?? 0,
    fMax: options.fMax ?? options.sampleRate / 2,
    melScale: options.melScale ?? 'slaney',
    melNorm: options.melNorm === undefined ? 'slaney' : options.melNorm,
    power: options.power ?? 2,
    center: options.center ?? true,
    padMode: options.padMode ?? 'reflect',
    amin: options.amin ?? 1e-10,
    topDb: options.topDb === undefined ? 80 : options.topDb,
  };
  checkLogMelSpec(spec);
  return spec;
}

/**
 * Checks a spec, for instance one read from a file.
 * @throws {ParameterError} naming the first field out of range
 */
export function checkLogMelSpec(spec: LogMelSpec): void {
  if (spec.kind !== 'log-mel' || spec.version !== 1) {
    throw new ParameterError(
      `Expected a front end of kind "log-mel", version 1; got "${spec.kind}", version ${spec.version}.`,
    );
  }
  for (const name of ['winLength', 'hopLength'] as const) {
    if (!Number.isInteger(spec[name]) || spec[name] < 1) {
      throw new ParameterError(`${name} must be an integer ≥ 1, got ${spec[name]}.`);
    }
  }
  melFilterBank(spec);
  if (spec.winLength > spec.nFft) {
    throw new ParameterError(`winLength (${spec.winLength}) must not exceed nFft (${spec.nFft}).`);
  }
  const choices = {
    melScale: ['slaney', 'htk'],
    melNorm: ['slaney', null],
    power: [1, 2],
    padMode: ['reflect', 'constant'],
  } as const;
  for (const name of Object.keys(choices) as (keyof typeof choices)[]) {
    if (!(choices[name] as readonly unknown[]).includes(spec[name])) {
      throw new ParameterError(`${name} must be one of ${choices[name].join(', ')}; got ${spec[name]}.`);
    }
  }
  // Below this, float32 would lose the floor among its subnormal numbers.
  if (!(spec.amin >= 1e-30)) throw new ParameterError(`amin must be ≥ 1e-30, got ${spec.amin}.`);
  if (spec.topDb !== null && !(spec.topDb >= 0)) {
    throw new ParameterError(`topDb must be ≥ 0 or null, got ${spec.topDb}.`);
  }
}

/** Frames that `samples` samples give under `spec`. */
export function logMelFrames(samples: number, spec: LogMelSpec): number {
  return frameCount(samples, spec);
}

/** The peak of each mel filter, and the middle of each frame. */
export function logMelAxes(spec: LogMelSpec): FrontEndAxes {
  const { sampleRate, nFft, hopLength, center } = spec;
  return {
    hertz: melFilterBank(spec).edges.slice(1, -1),
    firstSeconds: center ? 0 : nFft / 2 / sampleRate,
    stepSeconds: hopLength / sampleRate,
  };
}
