/** @file The pipeline on one recording: windows to features. */
import {
  type AudioData,
  requireUsableSound,
  resample,
  type SoundFacts,
  SoundMeter,
  toMono,
} from '../audio/index.ts';
import { DecodeError, joined } from '../core/index.ts';
import { frontEndFrames, frontEndPicture } from '../features/index.ts';
import { cutWindows, filledWindow } from '../windows/index.ts';
import { type ClipPipeline, pipelineWindowing, windowSamplesOf } from './clipPipeline.ts';

/** Windows of one recording, one behind the other in single arrays. */
export interface ExtractedWindows {
  /** The front end's pictures, shape [nWindows, nMels, nFrames]. */
  readonly data: Float32Array;
  readonly nWindows: number;
  readonly nMels: number;
  readonly nFrames: number;
  /** What was measured of the recording as decoded. */
  readonly sound: SoundFacts;
  /** How many samples of each window are the recording's own; only where the pipeline's pad is `mask`. */
  readonly ownSamples?: number;
  /** Waveform windows, shape [nWindows, windowSamples] (of a clip that is shorter and not filled, itself); null unless asked for. */
  readonly waveforms: Float32Array | null;
}

/** What the windows of one recording come to, collected as they are cut. */
export class WindowFeatures {
  private readonly pictures: Float32Array[] = [];
  private readonly waveforms: Float32Array[] = [];
  private count = 0;
  private length = 0;

  constructor(
    private readonly pipeline: ClipPipeline,
    private readonly name: string,
    private readonly keepWaveforms: boolean,
  ) {}

  /** @throws {DecodeError} for a window whose features are not finite numbers */
  add(window: Float32Array): void {
    const { frontEnd, pad } = this.pipeline;
    this.count++;
    this.length = window.length;
    if (this.keepWaveforms) this.waveforms.push(window);
    if (frontEnd === null) return;
    const heard = pad === 'mask' ? filledWindow(window, windowSamplesOf(this.pipeline)) : window;
    const { data } = frontEndPicture(heard, frontEnd);
    if (!data.every(Number.isFinite)) {
      throw new DecodeError(`${this.name} gives features that are not finite numbers.`, {
        hint: 'Remove the file, or record it again.',
      });
    }
    this.pictures.push(data);
  }

  finish(sound: SoundFacts): ExtractedWindows {
    const { frontEnd, pad } = this.pipeline;
    return {
      data: joined(this.pictures),
      nWindows: this.count,
      nMels: frontEnd?.nMels ?? 0,
      nFrames: frontEnd === null ? 0 : frontEndFrames(windowSamplesOf(this.pipeline), frontEnd),
      sound,
      ...(pad === 'mask' ? { ownSamples: this.length } : {}),
      waveforms: this.keepWaveforms ? joined(this.waveforms) : null,
    };
  }
}

/**
 * Mean of channels, resampling, windows, front end, of a recording in memory.
 * @throws {DecodeError} when the recording is of no use
 */
export function extractClip(
  audio: Pick<AudioData, 'channelData' | 'sampleRate'>,
  pipeline: ClipPipeline,
  { name = 'The recording', keepWaveforms = false }: { name?: string; keepWaveforms?: boolean } = {},
): ExtractedWindows {
  const meter = new SoundMeter();
  meter.observe(audio.channelData);
  const facts = meter.facts(audio.sampleRate);
  requireUsableSound(facts, name);
  const samples = resample(toMono(audio), audio.sampleRate, pipeline.sampleRate);
  const features = new WindowFeatures(pipeline, name, keepWaveforms);
  for (const window of cutWindows(samples, pipelineWindowing(pipeline))) features.add(window);
  return features.finish(facts);
}
