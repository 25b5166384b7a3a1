/**
 * @file The front ends: how a waveform becomes the picture that a network sees. Each is data (a spec with a `kind`, kept
 * in models and caches) in three forms: a fast function, ONNX nodes, and the size of what comes out. This table is the
 * only place that tells them apart: a new front end is a spec in {@link FrontEndSpec} and an entry in `table`.
 */
import { ParameterError } from '../core/errors.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { clapLogMel } from './clap/clapLogMel.ts';
import { clapNodes } from './clap/clapNodes.ts';
import { type ClapSpec, checkClapSpec, clapAxes, clapFrames, clapSpec, clapWindow } from './clap/clapSpec.ts';
import type { FrontEndAxes } from './frontEndAxes.ts';
import { logMel } from './logMel.ts';
import { logMelNodes } from './logMelNodes.ts';
import {
  checkLogMelSpec,
  type LogMel,
  type LogMelSpec,
  logMelAxes,
  logMelFrames,
  logMelSpec,
} from './logMelSpec.ts';
import { l3Nodes } from './openl3/openl3Nodes.ts';
import { l3Picture } from './openl3/openl3Picture.ts';
import {
  checkL3Spec,
  type L3Name,
  type L3Spec,
  l3Axes,
  l3Definition,
  l3Frames,
  l3Names,
  l3Spec,
} from './openl3/openl3Spec.ts';
import { whisperLogMel } from './whisper/whisperLogMel.ts';
import { whisperNodes } from './whisper/whisperNodes.ts';
import {
  checkWhisperSpec,
  type WhisperContext,
  type WhisperFrontEndName,
  type WhisperSpec,
  whisperAxes,
  whisperFrames,
  whisperFrontEnds,
  whisperSpec,
} from './whisper/whisperSpec.ts';
import { yamnetLogMel } from './yamnet/yamnetLogMel.ts';
import { yamnetLogMelNodes } from './yamnet/yamnetNodes.ts';
import {
  checkYamnetSpec,
  type YamnetSpec,
  yamnetAxes,
  yamnetFrames,
  yamnetPatch,
  yamnetSpec,
} from './yamnet/yamnetSpec.ts';

/** Everything that decides a front end's numbers. All have `kind`, `version`, `sampleRate` and `nMels` (rows). */
export type FrontEndSpec = LogMelSpec | YamnetSpec | L3Spec | WhisperSpec | ClapSpec;

export type FrontEndName = FrontEndSpec['kind'];

/** The spec of the front end of that name. */
type SpecOf<K extends FrontEndName, S extends FrontEndSpec = FrontEndSpec> = S extends FrontEndSpec
  ? K extends S['kind']
    ? S
    : never
  : never;

/** What a user may set of a front end; one that is fixed refuses all of it. */
export interface FrontEndChoices {
  readonly sampleRate?: number;
  readonly nMels?: number;
  /** Bands where the user names none; a front end that is fixed goes by its own. */
  readonly usualMels?: number;
  /** How much Whisper's hears, default `clip`; the others have no such choice. */
  readonly context?: WhisperContext;
}

/** How recordings are cut into windows for a front end, unless the user says otherwise. */
export interface NaturalWindow {
  /** Null where any length will do: the dataset's own clips then decide. */
  readonly seconds: number | null;
  /** `copies`: as many whole ones as fit, then zeros. */
  readonly pad: 'repeat' | 'zero' | 'copies';
  /** Share of a window that the next one repeats. */
  readonly overlap: number;
}

/** One front end. `S` is its spec. */
export interface FrontEnd<S extends FrontEndSpec = FrontEndSpec> {
  readonly name: S['kind'];
  /** One line for help texts. */
  readonly description: string;
  readonly window: NaturalWindow;
  /**
   * Whether pictures are standardised by the training side's statistics per band; false where networks come trained on
   * the raw numbers.
   */
  readonly standardize: boolean;
  /** Whether a change of level by x dB adds x to every value; otherwise a change of level needs the waveform. */
  readonly decibels: boolean;
  /** What ten times the amplitude adds to a value, floors and offsets aside: 20 for decibels. */
  readonly perTenfold: number;
  /** What the nodes transform in: sums in float32 leave noise some 130 dB below the loudest value. */
  readonly nodePrecision: 'float32' | 'float64';
  /** The spec with the user's choices in it. @throws {ParameterError} for a choice it does not leave */
  spec(choices: FrontEndChoices): S;
  /** @throws {ParameterError} naming what is out of range */
  check(spec: S): void;
  /** Frames that so many samples give. @throws {ParameterError} for samples that give none */
  frames(samples: number, spec: S): number;
  /** Where its rows and columns lie in frequency and time. */
  axes(spec: S): FrontEndAxes;
  /** The picture, row-major [nMels, nFrames]. @param samples mono at spec.sampleRate, at least one */
  compute(samples: Float32Array, spec: S): LogMel;
  /** Appends nodes that compute the same: float32 [N, samples] → [N, nMels, nFrames]. */
  nodes(g: GraphBuilder, waveform: Value, spec: S): Value;
}

const table: { readonly [K in FrontEndName]: FrontEnd<SpecOf<K>> } = {
  'log-mel': {
    name: 'log-mel',
    description: 'decibels in mel bands, frames of 2048 samples every 512',
    window: { seconds: null, pad: 'repeat', overlap: 0.5 },
    standardize: true,
    decibels: true,
    perTenfold: 20,
    nodePrecision: 'float32',
    spec: ({ sampleRate = 22050, usualMels = 128, nMels = usualMels }) =>
      logMelSpec({ sampleRate, nFft: 2048, hopLength: 512, nMels, topDb: null }),
    check: checkLogMelSpec,
    frames: logMelFrames,
    axes: logMelAxes,
    compute: logMel,
    nodes: logMelNodes,
  },
  yamnet: {
    name: 'yamnet',
    description: "YAMNet's: 16 kHz, 64 mel bands, patches of 96 frames (0.975 s)",
    window: {
      seconds: yamnetPatch.samples / yamnetSpec.sampleRate,
      pad: 'zero',
      overlap: 1 - yamnetPatch.hopSamples / yamnetPatch.samples,
    },
    standardize: false,
    decibels: false,
    perTenfold: Math.LN10,
    nodePrecision: 'float32',
    spec: ({ sampleRate = yamnetSpec.sampleRate, nMels = yamnetSpec.nMels }) => {
      const spec = { ...yamnetSpec, sampleRate, nMels };
      return checkYamnetSpec(spec);
    },
    check: (spec) => void checkYamnetSpec(spec),
    frames: yamnetFrames,
    axes: yamnetAxes,
    compute: yamnetLogMel,
    nodes: yamnetLogMelNodes,
  },
  clap: {
    name: 'clap',
    description: "CLAP's (unfused HTSAT): 48 kHz, 64 mel bands, windows of 1001 frames (10 s)",
    // The last window of a long recording is moved back rather than filled; overlapping ones would cost twice as much.
    window: { seconds: clapWindow.samples / clapSpec.sampleRate, pad: 'copies', overlap: 0 },
    standardize: false,
    decibels: true,
    perTenfold: 20,
    nodePrecision: 'float64',
    spec: ({ sampleRate = clapSpec.sampleRate, nMels = clapSpec.nMels }) => {
      const spec = { ...clapSpec, sampleRate, nMels };
      checkClapSpec(spec);
      return spec;
    },
    check: checkClapSpec,
    frames: clapFrames,
    axes: clapAxes,
    compute: clapLogMel,
    nodes: clapNodes,
  },
  whisper: whisperFrontEnd('whisper'),
  'whisper-128': whisperFrontEnd('whisper-128'),
  ...(Object.fromEntries(l3Names.map((name) => [name, l3FrontEnd(name)])) as Record<
    L3Name,
    FrontEnd<L3Spec>
  >),
};

/** Whisper's two front ends differ in the number of bands. */
function whisperFrontEnd(name: WhisperFrontEndName): FrontEnd<WhisperSpec> {
  const bands = whisperFrontEnds[name];
  return {
    name,
    description: `Whisper's: 16 kHz, ${bands} mel bands, a frame every 10 ms, relative to the clip's loudest`,
    // Without a window of its own: 30 s in the full context, but the same spec hears any clip in its own.
    window: { seconds: null, pad: 'zero', overlap: 0 },
    standardize: false,
    decibels: false,
    // Decimal logarithms of power, divided by 4.
    perTenfold: 0.5,
    nodePrecision: 'float64',
    spec: ({ sampleRate = 16000, nMels = bands, context }) => {
      const spec = { ...whisperSpec(name, context), sampleRate, nMels } as WhisperSpec;
      checkWhisperSpec(spec);
      return spec;
    },
    check: checkWhisperSpec,
    frames: whisperFrames,
    axes: whisperAxes,
    compute: whisperLogMel,
    nodes: whisperNodes,
  };
}

/** The entry of a front end of the L3 family: all that differs is in its definition. */
function l3FrontEnd(name: L3Name): FrontEnd<L3Spec> {
  const known = l3Spec(name);
  const { sampleRate, windowSamples, nFrames, mel } = l3Definition(name);
  const family = name === 'edgel3-sea' ? "EdgeL3-SEA's" : "OpenL3's";
  return {
    name,
    description: `${family}: ${sampleRate / 1000} kHz, ${known.nMels} ${mel === null ? 'bins' : 'mel bands'}, windows of ${nFrames} frames (1 s)`,
    // Windows half a second apart: those of the package, a tenth apart, would train on nearly the same picture ten times.
    window: { seconds: windowSamples / sampleRate, pad: 'zero', overlap: 0.5 },
    standardize: false,
    // Relative to the window's loudest value: a change of level changes nothing.
    decibels: false,
    perTenfold: 10,
    nodePrecision: 'float64',
    spec: ({ sampleRate = known.sampleRate, nMels = known.nMels }) => {
      const spec = { ...known, sampleRate, nMels };
      checkL3Spec(spec);
      return spec;
    },
    check: checkL3Spec,
    frames: l3Frames,
    axes: l3Axes,
    compute: l3Picture,
    nodes: l3Nodes,
  };
}

/** Names of all front ends, for help texts and choices. */
export const frontEndNames = Object.keys(table) as FrontEndName[];

/**
 * The front end of that name.
 * @throws {ParameterError} that lists the front ends there are
 */
export function frontEndByName<K extends FrontEndName>(name: K): FrontEnd<SpecOf<K>> {
  if (!Object.hasOwn(table, name)) {
    throw new ParameterError(`There is no front end '${String(name)}'.`, {
      hint: `There are ${frontEndNames.join(', ')}.`,
    });
  }
  return table[name];
}

/** The front end that a spec is of. */
function frontEndOf(spec: FrontEndSpec): FrontEnd {
  return frontEndByName(spec.kind) as unknown as FrontEnd;
}

/** Checks a spec, for instance one read from a file. @throws {ParameterError} naming what is out of range */
export function checkFrontEnd(spec: FrontEndSpec): void {
  frontEndOf(spec).check(spec);
}

/** Frames that so many samples give. @throws {ParameterError} for samples that give none */
export function frontEndFrames(samples: number, spec: FrontEndSpec): number {
  return frontEndOf(spec).frames(samples, spec);
}

/** Where the rows and columns of a spec's pictures lie in frequency and time. */
export function frontEndAxes(spec: FrontEndSpec): FrontEndAxes {
  return frontEndOf(spec).axes(spec);
}

/**
 * The picture of a waveform under `spec`, row-major [nMels, nFrames].
 * @param samples mono at spec.sampleRate, at least one
 * @throws {ParameterError} for a spec out of range or samples that give no frame
 */
export function frontEndPicture(samples: Float32Array, spec: FrontEndSpec): LogMel {
  return frontEndOf(spec).compute(samples, spec);
}

/** Appends the nodes of `spec`: float32 [N, samples] → [N, nMels, nFrames]. */
export function frontEndNodes(g: GraphBuilder, waveform: Value, spec: FrontEndSpec): Value {
  return frontEndOf(spec).nodes(g, waveform, spec);
}
