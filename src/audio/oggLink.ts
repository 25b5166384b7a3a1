/** @file What the codecs within Ogg have in common: one link of the chain that an Ogg file may be. */
import { DecodeError } from '../core/errors.ts';

export type OggCodec = 'vorbis' | 'opus' | 'flac';

/** Decodes one logical stream, from its first page to its last. */
export interface OggLink {
  readonly codec: OggCodec;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number | null;
  /** Samples as the header states them; null if it does not. */
  readonly frames: number | null;
  /**
   * Decodes the packets completed on a page, headers included. `granule`: the position that the page states;
   * `last`: it carries the mark of the stream's end.
   */
  push(packets: Uint8Array[], granule: number | null, last: boolean): Float32Array[][];
  /**
   * Makes ready for the packets behind `packet`, which ends at `position` samples from the start and at `granule`.
   * null: the codec's state depends on all that came before, so that every packet must be decoded.
   */
  readonly resume: ((packet: Uint8Array, position: number, granule: number) => void) | null;
  /** What was held back, once no page follows. Warnings about the stream go to `warnings`. */
  finish(ended: boolean, warnings: string[]): Float32Array[][];
  /** `intact`: no call has failed. */
  free(intact: boolean): void;
  /** Samples that lie before the first page that states a position, by the headers of its packets; null if unknown. */
  startOf(packets: Uint8Array[], granule: number): number | null;
}

export const NO_END = 'The file is truncated: its Ogg stream has no end.';

export function badHeaderError(name: string, codec: string, states: string): DecodeError {
  return new DecodeError(`${name} is an ${codec} file whose header ${states}, so it cannot be played.`, {
    hint: 'The header is damaged; get the file again or remove it.',
  });
}
