/** @file The order of surround channels. */

/** Vorbis's channel order, in which Vorbis and Opus store surround sound, to that of WAV and ffmpeg. */
export const WAV_ORDER: Record<number, number[]> = {
  3: [0, 2, 1],
  5: [0, 2, 1, 3, 4],
  6: [0, 2, 1, 5, 3, 4],
  7: [0, 2, 1, 6, 5, 3, 4],
  8: [0, 2, 1, 7, 5, 6, 3, 4],
};
