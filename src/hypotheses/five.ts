/** @file The report's five hypotheses, as claims stated beforehand and tests that decide on them. */
import {
  bandCentres,
  bandsBelow,
  beside,
  columnsOf,
  contrastNames,
  hertz,
  melRegions,
  relative,
} from './features.ts';
import type { Features, Hypothesis } from './hypothesis.ts';
import { shapeNames } from './measure/clipMeasures.ts';
import type { RecordingTable } from './recordings.ts';

type Blocks = RecordingTable['blocks'];

const bandNames = () => bandCentres('mel').map((f) => `${hertz(f)} Hz`);

const frequencyPatterns: Hypothesis = {
  number: 1,
  title: 'Classes have distinct frequency patterns',
  claim:
    'The spectrum averaged over time tells classes apart: a classifier that sees nothing else is right more often than with labels exchanged between recordings, and mel bands differ in level between classes.',
  limits:
    'Levels are relative to the recording’s own mean, so loudness plays no part. But a class whose recordings share a microphone, a place or a bandwidth has a frequency pattern too: the test cannot tell the source from the way it was recorded.',
  tests({ blocks }) {
    const spectrum = relative(blocks.melMean);
    return [
      {
        kind: 'chance',
        id: 'spectrum',
        title: 'time-averaged spectrum against exchanged labels',
        deciding: true,
        features: { name: 'the time-averaged spectrum', matrix: spectrum },
      },
      {
        kind: 'ranks',
        id: 'bands',
        title: 'level of each mel band by class',
        deciding: true,
        columns: bandNames(),
        matrix: spectrum,
        noun: 'mel band',
      },
    ];
  },
};

const waveformShape: Hypothesis = {
  number: 2,
  title: 'The shape of the waveform goes with the class',
  claim:
    'Crest factor, kurtosis, zero-crossing rate, attack, decay and periodicity differ between classes, tell them apart better than exchanged labels do, and better than the same numbers of signals with the same spectrum and phases drawn anew.',
  limits:
    'Phases drawn anew keep the spectrum and destroy the shape, so the third test asks for what the spectrum cannot explain; zero crossings and periodicity follow from the spectrum, and their part in the first two tests is not evidence for shape. Attack and decay also depend on where a clip was cut.',
  tests({ blocks }) {
    const shape: Features = { name: 'six numbers of the waveform', matrix: blocks.shape };
    return [
      {
        kind: 'chance',
        id: 'shape',
        title: 'waveform’s numbers against exchanged labels',
        deciding: true,
        features: shape,
      },
      {
        kind: 'ranks',
        id: 'descriptors',
        title: 'each number by class',
        deciding: true,
        columns: [...shapeNames],
        matrix: blocks.shape,
        noun: 'number of the waveform',
      },
      {
        kind: 'paired',
        id: 'phases',
        title: 'as recorded, against phases drawn anew',
        deciding: true,
        first: shape,
        second: { name: 'the same of signals with phases drawn anew', matrix: blocks.shapeRandomised },
      },
      {
        kind: 'paired',
        id: 'reversal',
        title: 'heard forwards, against the same classifier hearing backwards',
        deciding: false,
        first: shape,
        second: { name: 'the same of signals played backwards', matrix: blocks.shapeReversed },
        fittedToFirst: true,
      },
    ];
  },
};

const temporalChange: Hypothesis = {
  number: 3,
  title: 'Change over time matters',
  claim:
    'How levels change from frame to frame tells classes apart: mean and deviation of the mel bands with their slopes and modulation spectrum, from frames in order, do better than the same from shuffled frames, and better than the time-averaged spectrum alone.',
  limits:
    'Shuffling keeps which frames there are and loses their order alone. The classifiers see summaries of change (slopes over 116 ms, modulation from 0.5 to 16 Hz), not sequences: order that these do not show is not tested.',
  tests({ blocks }) {
    const levels = [relative(blocks.melMean), blocks.melDeviation] as const;
    const ordered: Features = {
      name: 'frames in order',
      matrix: beside(...levels, blocks.slopes, blocks.modulation),
    };
    return [
      {
        kind: 'paired',
        id: 'order',
        title: 'frames in order, against frames shuffled',
        deciding: true,
        first: ordered,
        second: {
          name: 'the same of shuffled frames',
          matrix: beside(...levels, blocks.slopesShuffled, blocks.modulationShuffled),
        },
      },
      {
        kind: 'paired',
        id: 'average',
        title: 'frames in order, against frames averaged',
        deciding: true,
        first: ordered,
        second: { name: 'the time-averaged spectrum alone', matrix: levels[0] },
      },
      {
        kind: 'paired',
        id: 'change-alone',
        title: 'slopes and modulation alone, against the same of shuffled frames',
        deciding: false,
        first: {
          name: 'slopes and modulation spectrum alone',
          matrix: beside(blocks.slopes, blocks.modulation),
        },
        second: {
          name: 'slopes and modulation spectrum of shuffled frames',
          matrix: beside(blocks.slopesShuffled, blocks.modulationShuffled),
        },
      },
      {
        kind: 'ranks',
        id: 'slopes',
        title: 'size of slopes in each mel band by class',
        deciding: false,
        columns: bandNames(),
        matrix: blocks.slopes,
        noun: 'mel band’s slopes',
      },
    ];
  },
};

/** Mean relative to the bands kept, and deviation, of some mel bands. */
function melFeatures(blocks: Blocks, bands: readonly number[]) {
  return beside(relative(columnsOf(blocks.melMean, bands)), columnsOf(blocks.melDeviation, bands));
}

const melBands: Hypothesis = {
  number: 4,
  title: 'Mel bands localise what matters',
  claim:
    'Forty bands evenly spaced in mel tell classes apart better than forty evenly spaced in hertz, and what is needed lies in some region of them: taking that region away costs accuracy.',
  limits:
    'Neighbouring regions say much the same, so one that is taken away can be made up for by its neighbours: a small loss does not mean that nothing lies there. With eight regions, losses of single classes rest on few recordings and are shown without a test of their own.',
  tests({ blocks }) {
    const every = Array.from({ length: blocks.melMean.columns }, (_, b) => b);
    const mel: Features = { name: 'mel bands', matrix: melFeatures(blocks, every) };
    const lowPass = (hz: number) =>
      ({
        kind: 'paired',
        id: `low-pass-${hz}`,
        title: `all mel bands, against those up to ${hz / 1000} kHz`,
        deciding: false,
        first: mel,
        second: { name: `mel bands up to ${hz / 1000} kHz`, matrix: melFeatures(blocks, bandsBelow(hz)) },
      }) as const;
    return [
      {
        kind: 'paired',
        id: 'mel-linear',
        title: 'bands in mel, against as many in hertz',
        deciding: true,
        first: mel,
        second: {
          name: 'bands evenly spaced in hertz',
          matrix: beside(relative(blocks.linearMean), blocks.linearDeviation),
        },
      },
      {
        kind: 'ablation',
        id: 'regions',
        title: 'all mel bands, against all but one region',
        deciding: true,
        whole: mel,
        parts: melRegions().map(({ name, bands }) => ({
          name,
          without: melFeatures(
            blocks,
            every.filter((b) => !bands.includes(b)),
          ),
        })),
      },
      {
        kind: 'paired',
        id: 'mel-log',
        title: 'bands in mel, against as many in octaves',
        deciding: false,
        first: mel,
        second: {
          name: 'bands evenly spaced in octaves',
          matrix: beside(relative(blocks.logMean), blocks.logDeviation),
        },
      },
      lowPass(8000),
      lowPass(4000),
    ];
  },
};

const contrast: Hypothesis = {
  number: 5,
  title: 'Contrast between mel regions discriminates',
  claim:
    'Spectral contrast tells classes apart better than exchanged labels do, and mel bands lose accuracy when the contrast between their regions is flattened in every frame.',
  limits:
    'Flattening gives each of eight regions the frame’s mean level: contrast within a region, the course of the whole level and the size of changes stay. That decibels do better or worse than amplitudes says something about a linear classifier on averages, not about hearing.',
  tests({ blocks }) {
    return [
      {
        kind: 'chance',
        id: 'contrast',
        title: 'spectral contrast against exchanged labels',
        deciding: true,
        features: {
          name: 'spectral contrast',
          matrix: beside(blocks.contrastMean, blocks.contrastDeviation),
        },
      },
      {
        kind: 'paired',
        id: 'flattened',
        title: 'contrast between regions as it is, against flattened',
        deciding: true,
        first: { name: 'mel bands', matrix: beside(blocks.melMean, blocks.melDeviation) },
        second: {
          name: 'mel bands with flattened contrast',
          matrix: beside(blocks.flatMean, blocks.flatDeviation),
        },
      },
      {
        kind: 'paired',
        id: 'decibels',
        title: 'mean spectrum in decibels, against amplitudes',
        deciding: false,
        first: { name: 'mel bands in decibels', matrix: relative(blocks.melMean) },
        second: { name: 'mel bands as shares of amplitude', matrix: blocks.melAmplitude },
      },
      {
        kind: 'ranks',
        id: 'octaves',
        title: 'contrast of each octave by class',
        deciding: false,
        columns: contrastNames(),
        matrix: blocks.contrastMean,
        noun: 'octave’s contrast',
      },
    ];
  },
};

/** The five, in the report's order. */
export const hypotheses: readonly Hypothesis[] = [
  frequencyPatterns,
  waveformShape,
  temporalChange,
  melBands,
  contrast,
];
