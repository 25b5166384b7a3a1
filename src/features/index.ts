/** @module earshot/features: spectrograms, mel, decibels, MFCC and shape features; the front ends. Runs anywhere. */
export { type ClapCrop, clapCrop, clapCropStart, clapLogMel, throughInt16 } from './clap/clapLogMel.ts';
export { clapNodes } from './clap/clapNodes.ts';
export { type ClapSpec, clapSpec, clapWindow } from './clap/clapSpec.ts';
export * from './decibels.ts';
export { type DeltaOptions, delta } from './delta.ts';
export { type ComplexFft, complexFft, type RealFft, realFft } from './fft.ts';
export * from './frontEnd.ts';
export * from './frontEndAxes.ts';
export { frontEndRecord } from './frontEndRecord.ts';
export { logMel } from './logMel.ts';
export { type ColumnLogMel, LogMelMaxima } from './logMelMaxima.ts';
export { logMelNodes } from './logMelNodes.ts';
export * from './logMelSpec.ts';
export { maskedStft } from './maskedStft.ts';
export * from './mel.ts';
export * from './melSpectrogram.ts';
export { type Mfcc, type MfccOptions, mfcc, mfccOf } from './mfcc.ts';
export * from './mfcc82.ts';
export * from './modulationSpectrum.ts';
export * from './onsetStrength.ts';
export { l3InputNodes, l3Nodes } from './openl3/openl3Nodes.ts';
export { l3Picture } from './openl3/openl3Picture.ts';
export {
  type L3Definition,
  type L3Name,
  type L3Spec,
  l3Definition,
  l3Names,
  l3Spec,
  type Openl3Representation,
  type Openl3Variant,
  openl3FrontEndName,
  openl3Representations,
  openl3Variants,
} from './openl3/openl3Spec.ts';
export { type L3WindowOptions, type L3Windows, l3Windows } from './openl3/openl3Windows.ts';
export type { PadMode } from './padding.ts';
export * from './spacedBands.ts';
export { spectralBandwidth, spectralCentroid, spectralFlatness, spectralRolloff } from './spectral.ts';
export * from './spectralContrast.ts';
export {
  type ComplexSpectrogram,
  fftFrequencies,
  frameCount,
  type Spectrogram,
  type StftOptions,
  spectrogram,
  stft,
} from './stft.ts';
export * from './surrogates.ts';
export * from './temporal.ts';
export * from './waveformShape.ts';
export { whisperLogMel } from './whisper/whisperLogMel.ts';
export { whisperNodes } from './whisper/whisperNodes.ts';
export {
  type WhisperContext,
  type WhisperFrontEndName,
  type WhisperSpec,
  whisperContexts,
  whisperFrames,
  whisperFullSamples,
  whisperLeastSamples,
  whisperSpec,
} from './whisper/whisperSpec.ts';
export { type WindowName, windowFunction } from './window.ts';
export { yamnetLogMel } from './yamnet/yamnetLogMel.ts';
export { yamnetLogMelNodes } from './yamnet/yamnetNodes.ts';
export { type YamnetSpec, yamnetPatch, yamnetSpec } from './yamnet/yamnetSpec.ts';
