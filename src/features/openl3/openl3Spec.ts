/**
 * @file The front ends of the L3 family as data: OpenL3's linear, mel128 and mel256, each as published three times, and
 * that of EdgeL3-SEA. They have nothing to choose: which one weights were trained with, or are used with by others, is
 * a fact. Sources: marl/openl3 0.3.1 and 0.4 (`models.py`, `core.py`), kapre 0.1.4 (`time_frequency.py`) and 0.3.5
 * (`composed.py`), librosa 0.8 (`feature.melspectrogram`), and the kernels inside EdgeL3-SEA's weights file.
 */
import { ParameterError } from '../../core/errors.ts';
import { type BandSpec, binBands, melBands } from '../bands.ts';
import type { FrontEndAxes } from '../frontEndAxes.ts';
import { melFilterBank } from '../mel.ts';
import { fftFrequencies } from '../stft.ts';

/** The pictures that OpenL3's networks were trained on. */
export const openl3Representations = ['linear', 'mel128', 'mel256'] as const;
export type Openl3Representation = (typeof openl3Representations)[number];

/** Whose code makes the picture: `kapre-0.1` what the weights were trained with, the others what OpenL3 0.4 offers. */
export const openl3Variants = ['kapre-0.1', 'kapre', 'librosa'] as const;
export type Openl3Variant = (typeof openl3Variants)[number];

export type L3Name = `openl3-${Openl3Representation}-${Openl3Variant}` | 'edgel3-sea';

/** A front end of the family; the name says all. */
export interface L3Spec {
  readonly kind: L3Name;
  readonly version: 1;
  /** Hz. */
  readonly sampleRate: number;
  /** Rows of the picture: mel bands, or bins. */
  readonly nMels: number;
}

/** What a name stands for. */
export interface L3Definition {
  readonly sampleRate: number;
  /** Samples of a window; the network sees one window at a time. */
  readonly windowSamples: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly nFrames: number;
  /** Samples put before and behind the window: zeros, or the window mirrored. */
  readonly padding: {
    readonly before: number;
    readonly after: number;
    readonly mode: 'constant' | 'reflect';
  };
  /** 1: bands are sums of magnitudes; 2: roots of sums of power. */
  readonly power: 1 | 2;
  /** Null: every bin is a row of its own. */
  readonly mel: { readonly nMels: number; readonly scale: 'htk' | 'slaney' } | null;
}

/** Amplitudes are raised to this before the logarithm. */
const leastAmplitude = 1e-10;

/** Values are kept this far below the window's largest, in units of 10·log10 of an amplitude. */
export const l3DynamicRange = 80;

/** The name of OpenL3's front end for a representation and a variant. */
export function openl3FrontEndName(representation: Openl3Representation, variant: Openl3Variant): L3Name {
  return `openl3-${representation}-${variant}`;
}

/** All names of the family. */
export const l3Names: readonly L3Name[] = [
  ...openl3Representations.flatMap((representation) =>
    openl3Variants.map((variant) => openl3FrontEndName(representation, variant)),
  ),
  'edgel3-sea',
];

const openl3Window = { sampleRate: 48000, windowSamples: 48000, hopLength: 242 } as const;

/** SAME padding of a convolution (kapre 0.1.4): as many frames as hops begun, the zeros on both sides. */
function samePadding({
  windowSamples,
  hopLength,
  nFft,
}: Pick<L3Definition, 'windowSamples' | 'hopLength' | 'nFft'>) {
  const nFrames = Math.ceil(windowSamples / hopLength);
  const zeros = (nFrames - 1) * hopLength + nFft - windowSamples;
  const before = Math.floor(zeros / 2);
  return { nFrames, padding: { before, after: zeros - before, mode: 'constant' } } as const;
}

function melVariant(variant: Openl3Variant, nMels: number): L3Definition {
  const frame = { ...openl3Window, nFft: 2048 };
  const same = samePadding(frame);
  switch (variant) {
    case 'kapre-0.1':
      return { ...frame, ...same, power: 2, mel: { nMels, scale: 'htk' } };
    case 'kapre': {
      // tf.signal.stft with pad_end: as many frames, all zeros at the end.
      const after = same.padding.before + same.padding.after;
      const padding = { before: 0, after, mode: 'constant' } as const;
      return { ...frame, nFrames: same.nFrames, padding, power: 1, mel: { nMels, scale: 'slaney' } };
    }
    case 'librosa': {
      const half = frame.nFft / 2;
      const nFrames = 1 + Math.floor(frame.windowSamples / frame.hopLength);
      const padding = { before: half, after: half, mode: 'reflect' } as const;
      return { ...frame, nFrames, padding, power: 1, mel: { nMels, scale: 'slaney' } };
    }
  }
}

/** The same in all variants: no padding, magnitudes. */
const linear: L3Definition = {
  ...openl3Window,
  nFft: 512,
  nFrames: 1 + Math.floor((openl3Window.windowSamples - 512) / openl3Window.hopLength),
  padding: { before: 0, after: 0, mode: 'constant' },
  power: 2,
  mel: null,
};

const sea = { sampleRate: 8000, windowSamples: 8000, hopLength: 160, nFft: 1024 };
const edgel3Sea: L3Definition = { ...sea, ...samePadding(sea), power: 2, mel: { nMels: 64, scale: 'htk' } };

const definitions = new Map<L3Name, L3Definition>([
  ...openl3Variants.flatMap((variant): [L3Name, L3Definition][] => [
    [openl3FrontEndName('linear', variant), linear],
    [openl3FrontEndName('mel128', variant), melVariant(variant, 128)],
    [openl3FrontEndName('mel256', variant), melVariant(variant, 256)],
  ]),
  ['edgel3-sea', edgel3Sea],
]);

/** What the front end of that name is. @throws {ParameterError} for a name that is not of the family */
export function l3Definition(name: L3Name): L3Definition {
  const found = definitions.get(name);
  if (found === undefined) {
    throw new ParameterError(`There is no L3 front end '${String(name)}'.`, {
      hint: `There are ${l3Names.join(', ')}.`,
    });
  }
  return found;
}

/** The spec of that name. @throws {ParameterError} for a name that is not of the family */
export function l3Spec(name: L3Name): L3Spec {
  const { sampleRate, mel, nFft } = l3Definition(name);
  return { kind: name, version: 1, sampleRate, nMels: mel?.nMels ?? nFft / 2 + 1 };
}

/** Checks a spec, for instance one read from a file. @throws {ParameterError} where it is not the one of its name */
export function checkL3Spec({ kind, version, sampleRate, nMels }: L3Spec): void {
  const known = l3Spec(kind);
  if (version !== known.version) {
    throw new ParameterError(
      `Expected the front end ${kind} in version ${known.version}, got version ${version}.`,
    );
  }
  if (sampleRate !== known.sampleRate || nMels !== known.nMels) {
    throw new ParameterError(
      `The front end ${kind} takes ${known.sampleRate} Hz and gives ${known.nMels} rows; got ${sampleRate} Hz and ${nMels} rows.`,
      { hint: 'Leave these settings out: its weights know no others.' },
    );
  }
}

/**
 * Frames of a window.
 * @param samples must be a window's
 * @throws {ParameterError} for any other number
 */
export function l3Frames(samples: number, { kind }: L3Spec): number {
  const { windowSamples, sampleRate, nFrames } = l3Definition(kind);
  if (samples !== windowSamples) {
    throw new ParameterError(
      `The front end ${kind} takes windows of ${windowSamples} samples (${windowSamples / sampleRate} s), got ${samples} samples.`,
      { hint: 'Cut the recording into windows first, with zeros where it ends early.' },
    );
  }
  return nFrames;
}

/**
 * Decibels in bands of a window that has been padded: twice what the front end takes. It has 10·log10 of amplitudes a,
 * which is half of 20·log10(a) or, where a² is at hand, of 10·log10(a²).
 */
export function l3Bands({ nFft, hopLength, sampleRate, power, mel }: L3Definition): BandSpec {
  return {
    nFft,
    winLength: nFft,
    hopLength,
    center: false,
    padMode: 'constant',
    power,
    // The floor lies 160 dB below the loudest amplitude: ten times the logarithm of an amplitude is −80 there.
    nodePrecision: 'float64',
    amin: power === 1 ? leastAmplitude : leastAmplitude ** 2,
    filters:
      mel === null
        ? binBands(nFft)
        : melBands({ sampleRate, nFft, nMels: mel.nMels, melScale: mel.scale, melNorm: 'slaney' }),
  };
}

/** The peak of each mel filter (or each bin), and the middle of each frame, counted from the window's first sample. */
export function l3Axes({ kind }: L3Spec): FrontEndAxes {
  const { nFft, hopLength, sampleRate, mel, padding } = l3Definition(kind);
  return {
    hertz:
      mel === null
        ? fftFrequencies({ sampleRate, nFft })
        : melFilterBank({ sampleRate, nFft, nMels: mel.nMels, melScale: mel.scale }).edges.slice(1, -1),
    firstSeconds: (nFft / 2 - padding.before) / sampleRate,
    stepSeconds: hopLength / sampleRate,
  };
}
