/** @file The pipeline on one recording: samples to windows of features. */
import { type AudioData, resample, toMono } from '../audio/index.ts';
import { DecodeError } from '../core/index.ts';
import { isSilent, measureLevels } from '../datasets/levels.ts';
import { frontEndFrames, frontEndPicture } from '../features/index.ts';
import { type ClipPipeline, windowSamplesOf } from './clipPipeline.ts';
import { filledWindow, fitWindows } from './fitWindows.ts';

/** Windows of one recording, one behind the other in single arrays. */
export interface ExtractedWindows {
  /** The front end's pictures, shape [nWindows, nMels, nFrames]. */
  readonly data: Float32Array;
  readonly nWindows: number;
  readonly nMels: number;
  readonly nFrames: number;
  /** Length of the recording as decoded. */
  readonly seconds: number;
  /** Nothing but (perhaps) a constant in it. */
  readonly silent: boolean;
  /** How many samples of each window are the recording's own; only where the pipeline's pad is `mask`. */
  readonly ownSamples?: number;
  /** Waveform windows, shape [nWindows, windowSamples] (of a clip that is shorter and not filled, itself); null unless asked for. */
  readonly waveforms: Float32Array | null;
}

/**
 * Mean of channels, resampling, windows, front end.
 * @throws {DecodeError} when the recording holds no samples.
 */
export function extractClip(
  audio: AudioData,
  pipeline: ClipPipeline,
  { name = 'The recording', keepWaveforms = false }: { name?: string; keepWaveforms?: boolean } = {},
): ExtractedWindows {
  const mono = toMono(audio);
  const seconds = mono.length / audio.sampleRate;
  const silent = isSilent(measureLevels(mono));
  const samples = resample(mono, audio.sampleRate, pipeline.sampleRate);
  if (samples.length === 0) {
    throw new DecodeError(`${name} holds no sound: ${mono.length} samples at ${audio.sampleRate} Hz.`, {
      hint: 'Remove the file, or record it again.',
    });
  }
  const windowSamples = windowSamplesOf(pipeline);
  const windows = fitWindows(samples, windowSamples, pipeline);
  const { frontEnd } = pipeline;
  const nMels = frontEnd?.nMels ?? 0;
  const nFrames = frontEnd === null ? 0 : frontEndFrames(windowSamples, frontEnd);
  const size = nMels * nFrames;
  const data = new Float32Array(windows.length * size);
  const length = windows[0]!.length;
  const waveforms = keepWaveforms ? new Float32Array(windows.length * length) : null;
  for (const [w, window] of windows.entries()) {
    const heard = pipeline.pad === 'mask' ? filledWindow(window, windowSamples) : window;
    if (frontEnd !== null) data.set(frontEndPicture(heard, frontEnd).data, w * size);
    waveforms?.set(window, w * length);
  }
  const own = pipeline.pad === 'mask' ? { ownSamples: length } : {};
  return { data, nWindows: windows.length, nMels, nFrames, seconds, silent, ...own, waveforms };
}
