/**
 * @file Mel scales and triangular filter banks. Formulas as in librosa 0.10 `filters.mel`: the Slaney scale of the
 * Auditory Toolbox (Slaney 1998: linear to 1 kHz, then logarithmic) and the HTK scale (2595·log10(1 + f/700)).
 */
import { ParameterError } from '../core/errors.ts';

export type MelScale = 'slaney' | 'htk';

/** Linear part of Slaney's scale: 15 mel at 1000 Hz; above, 27 steps for a factor of 6.4. */
const linearHzPerMel = 200 / 3;
const breakHz = 1000;
const breakMel = breakHz / linearHzPerMel;
const logStep = Math.log(6.4) / 27;

/** Hz → mel. */
export function hzToMel(hz: number, scale: MelScale = 'slaney'): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700);
  return hz < breakHz ? hz / linearHzPerMel : breakMel + Math.log(hz / breakHz) / logStep;
}

/** mel → Hz. */
export function melToHz(mel: number, scale: MelScale = 'slaney'): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  return mel < breakMel ? mel * linearHzPerMel : breakHz * Math.exp(logStep * (mel - breakMel));
}

export interface MelFilterBankOptions {
  /** Samples per second, > 0. */
  sampleRate: number;
  /** FFT length, integer ≥ 2. */
  nFft: number;
  /** Number of filters, integer ≥ 1. Default 128. */
  nMels?: number;
  /** Lowest edge in Hz, ≥ 0. Default 0. */
  fMin?: number;
  /** Highest edge in Hz, > fMin and ≤ sampleRate / 2. Default sampleRate / 2. */
  fMax?: number;
  /** Default `slaney`. */
  melScale?: MelScale;
  /** `slaney` (default): each triangle has unit area over hertz (height 2 / width); null: each has height 1. */
  melNorm?: 'slaney' | null;
}

/** Triangular filters: `weights` has shape [nMels, nBins], row-major. */
export interface MelFilterBank {
  readonly weights: Float32Array;
  readonly nMels: number;
  readonly nBins: number;
  /** nMels + 2 edges in Hz: filter m rises from edges[m], peaks at edges[m + 1], ends at edges[m + 2]. */
  readonly edges: Float64Array;
  /** Filters that fall between two bins and so are zero everywhere; their row of a spectrogram is always silent. */
  readonly emptyFilters: readonly number[];
}

/**
 * A bank of triangular mel filters.
 * @throws {ParameterError} if a value is out of range, in particular if fMax exceeds the Nyquist frequency
 */
export function melFilterBank(options: MelFilterBankOptions): MelFilterBank {
  const { sampleRate, nFft, nMels = 128, fMin = 0, melScale = 'slaney', melNorm = 'slaney' } = options;
  const fMax = options.fMax ?? sampleRate / 2;
  checkBand({ sampleRate, nFft, nMels, fMin, fMax });
  const nBins = (nFft >> 1) + 1;
  const low = hzToMel(fMin, melScale);
  const high = hzToMel(fMax, melScale);
  const edges = Float64Array.from({ length: nMels + 2 }, (_, i) =>
    melToHz(low + ((high - low) * i) / (nMels + 1), melScale),
  );
  const weights = new Float32Array(nMels * nBins);
  const emptyFilters: number[] = [];
  for (let m = 0; m < nMels; m++) {
    const [start, peak, end] = [edges[m], edges[m + 1], edges[m + 2]];
    const height = melNorm === 'slaney' ? 2 / (end - start) : 1;
    let any = false;
    for (let k = 0; k < nBins; k++) {
      const f = (k * sampleRate) / nFft;
      const weight = Math.min((f - start) / (peak - start), (end - f) / (end - peak));
      if (weight > 0) {
        weights[m * nBins + k] = weight * height;
        any = true;
      }
    }
    if (!any) emptyFilters.push(m);
  }
  return { weights, nMels, nBins, edges, emptyFilters };
}

function checkBand(band: {
  sampleRate: number;
  nFft: number;
  nMels: number;
  fMin: number;
  fMax: number;
}): void {
  const { sampleRate, nFft, nMels, fMin, fMax } = band;
  if (!(sampleRate > 0)) throw new ParameterError(`sampleRate must be > 0, got ${sampleRate}.`);
  if (!Number.isInteger(nFft) || nFft < 2)
    throw new ParameterError(`nFft must be an integer ≥ 2, got ${nFft}.`);
  if (!Number.isInteger(nMels) || nMels < 1) {
    throw new ParameterError(`nMels must be an integer ≥ 1, got ${nMels}.`);
  }
  if (!(fMin >= 0)) throw new ParameterError(`fMin must be ≥ 0 Hz, got ${fMin}.`);
  if (!(fMax > fMin)) throw new ParameterError(`fMax must exceed fMin (${fMin} Hz), got ${fMax} Hz.`);
  if (fMax > sampleRate / 2) {
    throw new ParameterError(
      `fMax is ${fMax} Hz, above the Nyquist frequency of ${sampleRate / 2} Hz at ${sampleRate} samples per second.`,
      { hint: `Set fMax to ${sampleRate / 2} or less, or resample to at least ${2 * fMax} Hz.` },
    );
  }
}
