/**
 * @file The golden vectors: what an independent program (tools/fixtures/frontEnds.py, numpy in float64) made of the golden
 * signals, for every named front end, and how far a picture is from them.
 */
import { ParameterError } from '../../core/errors.ts';
import { type FrontEndName, type FrontEndSpec, frontEndByName } from '../frontEnd.ts';
import { goldenData } from './golden.generated.ts';
import { type GoldenSignal, goldenSignal, signalChecksum } from './goldenSignals.ts';

/** A signal and what is known of its picture. */
export interface GoldenCase {
  readonly signal: GoldenSignal;
  readonly samples: Float32Array;
  /** Values at {@link goldenPositions}. */
  readonly values: Float32Array;
  /** Mean over the whole picture. */
  readonly mean: number;
}

/** A front end with its cases. */
export interface GoldenFrontEnd {
  readonly spec: FrontEndSpec;
  readonly frames: number;
  readonly cases: readonly GoldenCase[];
}

/**
 * Every named front end with its golden vectors; log-mel with 64 and with 128 bands.
 * @throws {ParameterError} if this machine does not make the golden signals bit by bit
 */
export function* goldenFrontEnds(): Generator<GoldenFrontEnd> {
  const made = new Map<string, Float32Array>();
  for (const { name, version, choices, samples: n, rows, frames, cases } of goldenData.frontEnds) {
    const spec = frontEndByName(name as FrontEndName).spec(choices);
    if (spec.version !== version || spec.nMels !== rows) {
      throw new ParameterError(
        `The golden vectors of ${name} are for version ${version} with ${rows} rows; it is version ${spec.version} with ${spec.nMels}.`,
        { hint: 'Make them anew: tools/fixtures/frontEnds.py.' },
      );
    }
    yield {
      spec,
      frames,
      cases: cases.map(({ signal, mean, values }) => {
        const key = `${signal}/${n}`;
        const samples = made.get(key) ?? checkedSignal(signal, n);
        made.set(key, samples);
        return { signal, samples, values: decoded(values), mean };
      }),
    };
  }
}

function checkedSignal(signal: GoldenSignal, n: keyof typeof goldenData.checksums): Float32Array {
  const samples = goldenSignal(signal, n);
  if (signalChecksum(samples) !== goldenData.checksums[n][signal]) {
    throw new ParameterError(
      `The golden signal '${signal}' of ${n} samples comes out differently on this machine.`,
      { hint: 'Its arithmetic does not follow IEEE 754; nothing computed here can be trusted.' },
    );
  }
  return samples;
}

function decoded(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
}

/** Where in a picture the values lie: half spread over it, half in its first and last four frames, where padding shows. */
export function goldenPositions(rows: number, frames: number): number[] {
  return Array.from({ length: goldenData.positions }, (_, j) => {
    if (j % 2 === 0) return (j * 7919) % (rows * frames);
    const edge = (j >> 1) % 8;
    return ((j * 37) % rows) * frames + (edge < 4 ? edge : frames - 8 + edge);
  });
}

/** How far a picture is from the golden one. */
export interface PictureError {
  /** Largest difference, of the values or of the mean over the picture, in the front end's unit (decibels, nepers). */
  readonly absolute: number;
  /** The same of values down to a thousandth of the loudest amplitude: what arithmetic in float32 can hold. */
  readonly loud: number;
  /** Largest difference of the amplitudes that the values stand for, as a share of the loudest. */
  readonly relative: number;
}

/** Compares a picture, shape [spec.nMels, frames], with a golden case. Infinite where a value is not finite. */
export function pictureError(
  picture: Float32Array,
  { spec, frames }: GoldenFrontEnd,
  { values, mean }: GoldenCase,
): PictureError {
  if (picture.length !== spec.nMels * frames)
    return { absolute: Infinity, loud: Infinity, relative: Infinity };
  const { perTenfold } = frontEndByName(spec.kind);
  const amplitude = (value: number) => 10 ** (value / perTenfold);
  const loudest = amplitude(values.reduce((a, b) => Math.max(a, b)));
  let absolute = larger(0, Math.abs(picture.reduce((sum, v) => sum + v, 0) / picture.length - mean));
  let loud = 0;
  let difference = 0;
  goldenPositions(spec.nMels, frames).forEach((at, j) => {
    const [got, expected] = [picture[at], values[j]];
    const here = Math.abs(got - expected);
    absolute = larger(absolute, here);
    if (amplitude(expected) >= 1e-3 * loudest) loud = larger(loud, here);
    difference = larger(difference, Math.abs(amplitude(got) - amplitude(expected)));
  });
  return { absolute, loud, relative: difference / loudest };
}

/** The errors that are judged, and their bounds. */
export type PictureTolerance = Partial<PictureError>;

/**
 * What a form must hold. Where the transform is in float64 there remains the rounding of float32 results (8e-6 at −80 dB)
 * and of mel sums. Nodes in float32 have sums that are exact to about 3e-7 of the loudest: quiet values beside loud ones
 * are then not held in decibels, but as amplitudes.
 */
export function goldenTolerance(form: 'function' | 'nodes', kind: FrontEndName): PictureTolerance {
  return form === 'function' || frontEndByName(kind).nodePrecision === 'float64'
    ? { absolute: 3e-5, relative: 5e-6 }
    : { loud: 2e-3, relative: 5e-6 };
}

/** The larger one; infinite if one is not a number. */
function larger(a: number, b: number): number {
  const max = Math.max(a, b);
  return Number.isNaN(max) ? Infinity : max;
}
