/**
 * @file The two ADPCM encodings met in WAV files, 4 bits a sample. Sources: IMA Digital Audio Focus and Technical
 * Working Groups, "Recommended Practices for Enhancing Digital Audio Compatibility" 3.0 (1992); Microsoft,
 * "New Multimedia Data Types and Data Techniques" 3.0 (1994).
 */

/** Decoded blocks, cut where the data ends; `clamped` counts block headers with out-of-range fields. */
export interface AdpcmResult {
  channelData: Float32Array[];
  clamped: number;
}

const IMA_STEPS = Int32Array.of(
  7,
  8,
  9,
  10,
  11,
  12,
  13,
  14,
  16,
  17,
  19,
  21,
  23,
  25,
  28,
  31,
  34,
  37,
  41,
  45,
  50,
  55,
  60,
  66,
  73,
  80,
  88,
  97,
  107,
  118,
  130,
  143,
  157,
  173,
  190,
  209,
  230,
  253,
  279,
  307,
  337,
  371,
  408,
  449,
  494,
  544,
  598,
  658,
  724,
  796,
  876,
  963,
  1060,
  1166,
  1282,
  1411,
  1552,
  1707,
  1878,
  2066,
  2272,
  2499,
  2749,
  3024,
  3327,
  3660,
  4026,
  4428,
  4871,
  5358,
  5894,
  6484,
  7132,
  7845,
  8630,
  9493,
  10442,
  11487,
  12635,
  13899,
  15289,
  16818,
  18500,
  20350,
  22385,
  24623,
  27086,
  29794,
  32767,
);
const IMA_INDEX_CHANGES = Int32Array.of(-1, -1, -1, -1, 2, 4, 6, 8);

/** Frames in a block of `length` bytes: one in the header, then 8 for every 4 bytes of each channel. */
export function imaBlockFrames(length: number, channels: number): number {
  if (length < 4 * channels) return 0;
  return 1 + 8 * Math.floor((length - 4 * channels) / (4 * channels));
}

/** Total frames in `length` bytes of blocks. */
export function blockedFrames(
  length: number,
  blockAlign: number,
  channels: number,
  framesPerBlock: (length: number, channels: number) => number,
): number {
  const whole = Math.floor(length / blockAlign);
  return whole * framesPerBlock(blockAlign, channels) + framesPerBlock(length - whole * blockAlign, channels);
}

/** Decodes IMA ADPCM. Each channel's 4-byte header is the first sample (16 bits) and the step index. */
export function decodeImaAdpcm(
  data: Uint8Array,
  channels: number,
  blockAlign: number,
  frames: number,
): AdpcmResult {
  const channelData = Array.from({ length: channels }, () => new Float32Array(frames));
  let clamped = 0;
  let written = 0;
  for (let block = 0; block < data.length && written < frames; block += blockAlign) {
    const blockFrames = imaBlockFrames(Math.min(blockAlign, data.length - block), channels);
    const count = Math.min(blockFrames, frames - written);
    if (count <= 0) break;
    for (let c = 0; c < channels; c++) {
      const header = block + 4 * c;
      let sample = ((data[header + 1] << 24) >> 16) | data[header];
      let index = data[header + 2];
      if (index > 88) {
        index = 88;
        clamped++;
      }
      const out = channelData[c];
      out[written] = sample / 32768;
      for (let n = 1; n < count; n++) {
        const nibbleIndex = n - 1;
        // Groups of 4 bytes (8 nibbles, low nibble first) alternate between the channels.
        const at = block + 4 * channels + ((nibbleIndex >> 3) * channels + c) * 4 + ((nibbleIndex & 7) >> 1);
        const nibble = nibbleIndex & 1 ? data[at] >> 4 : data[at] & 15;
        const step = IMA_STEPS[index];
        // Rounded down once, as ffmpeg does; the 1992 text rounds each of the up to four terms.
        const difference = ((2 * (nibble & 7) + 1) * step) >> 3;
        sample = nibble & 8 ? Math.max(-32768, sample - difference) : Math.min(32767, sample + difference);
        index = Math.min(88, Math.max(0, index + IMA_INDEX_CHANGES[nibble & 7]));
        out[written + n] = sample / 32768;
      }
    }
    written += count;
  }
  return { channelData, clamped };
}

/** The seven predictor pairs every MS ADPCM file starts with; further ones may follow in the fmt chunk. */
const MS_COEFFICIENTS: readonly (readonly [number, number])[] = [
  [256, 0],
  [512, -256],
  [0, 0],
  [192, 64],
  [240, 0],
  [460, -208],
  [392, -232],
];
const MS_ADAPTATION = Int32Array.of(
  230,
  230,
  230,
  230,
  307,
  409,
  512,
  614,
  768,
  614,
  512,
  409,
  307,
  230,
  230,
  230,
);

/** Largest step whose adaptation still fits 32 bits; only damaged blocks get there. */
const MAX_DELTA = 2796202;

/** Frames in a block of `length` bytes: two in the header of 7 bytes a channel, then two nibbles a byte. */
export function msBlockFrames(length: number, channels: number): number {
  if (length < 7 * channels) return 0;
  return 2 + Math.floor(((length - 7 * channels) * 2) / channels);
}

/** Predictor pairs of the fmt chunk's extra bytes (samples per block, count, pairs), or the standard seven. */
export function msCoefficients(
  extra: Uint8Array,
  littleEndian: boolean,
): readonly (readonly [number, number])[] {
  if (extra.length < 4) return MS_COEFFICIENTS;
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  const count = Math.min(view.getUint16(2, littleEndian), Math.floor((extra.length - 4) / 4));
  if (count === 0) return MS_COEFFICIENTS;
  return Array.from({ length: count }, (_, i) => [
    view.getInt16(4 + 4 * i, littleEndian),
    view.getInt16(6 + 4 * i, littleEndian),
  ]);
}

/** Decodes Microsoft ADPCM, one or two channels. */
export function decodeMsAdpcm(
  data: Uint8Array,
  channels: number,
  blockAlign: number,
  frames: number,
  coefficients: readonly (readonly [number, number])[],
): AdpcmResult {
  const channelData = Array.from({ length: channels }, () => new Float32Array(frames));
  const int16 = (at: number) => ((data[at + 1] << 24) >> 16) | data[at];
  let clamped = 0;
  let written = 0;
  for (let block = 0; block < data.length && written < frames; block += blockAlign) {
    const count = Math.min(
      msBlockFrames(Math.min(blockAlign, data.length - block), channels),
      frames - written,
    );
    if (count <= 0) break;
    for (let c = 0; c < channels; c++) {
      let predictor = data[block + c];
      if (predictor >= coefficients.length) {
        predictor = 0;
        clamped++;
      }
      const [first, second] = coefficients[predictor];
      let delta = int16(block + channels + 2 * c);
      let previous = int16(block + 3 * channels + 2 * c);
      let beforeThat = int16(block + 5 * channels + 2 * c);
      const out = channelData[c];
      out[written] = beforeThat / 32768;
      if (count > 1) out[written + 1] = previous / 32768;
      for (let n = 2; n < count; n++) {
        // Nibbles run through the channels frame by frame, high nibble first.
        const nibbleIndex = (n - 2) * channels + c;
        const byte = data[block + 7 * channels + (nibbleIndex >> 1)];
        const nibble = nibbleIndex & 1 ? byte & 15 : byte >> 4;
        const signed = nibble & 8 ? nibble - 16 : nibble;
        const predicted = Math.trunc((previous * first + beforeThat * second) / 256);
        const sample = Math.max(-32768, Math.min(32767, predicted + signed * delta));
        beforeThat = previous;
        previous = sample;
        delta = Math.max(16, (MS_ADAPTATION[nibble] * Math.min(delta, MAX_DELTA)) >> 8);
        out[written + n] = sample / 32768;
      }
    }
    written += count;
  }
  return { channelData, clamped };
}
