/** @file Sound that is decoded as it is read, so that memory does not know how long a recording is. */

/** A recording in blocks. Iterate {@link blocks} once; close it when done, at any moment. */
export interface SoundStream {
  /** Samples per second and channel, in hertz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Samples per channel from the stream's start to its end, as the headers tell; null where they do not. */
  readonly frames: number | null;
  /** Whole sentences about what was wrong with the file; complete once the last block is out. */
  readonly warnings: readonly string[];
  /** Share of the file that has been read, 0 to 1. */
  readonly progress: number;
  /** The samples, channel by channel as in `AudioData`, in blocks of any length above 0. */
  blocks(): AsyncGenerator<Float32Array[], void, void>;
  close(): Promise<void>;
}

/** A stretch of a recording, in seconds from its start; without `to` it ends with the recording. */
export interface TimeRange {
  readonly from?: number;
  readonly to?: number;
}
