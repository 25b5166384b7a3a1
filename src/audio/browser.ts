/** @module earshot/audio without file access: everything here runs in browsers and imports nothing from Node. */
export { type AudioData, type AudioProbe, type DecodeOptions, toMono } from './audioData.ts';
export { type BlobLike, type ByteSource, blobSource, bytesSource } from './byteSource.ts';
export { LARGEST_SAMPLE } from './cleanSamples.ts';
export { decodeAudio } from './decodeAudio.ts';
export { type EncodeWavOptions, encodeWav, type WavEncoding } from './encodeWav.ts';
export { openAudio } from './openAudio.ts';
export { probeAudio } from './probeAudio.ts';
export { resample, StreamingResampler } from './resample.ts';
export { notableDcOffset, type SoundFacts, SoundMeter, silencePeak } from './soundMeter.ts';
export type { SoundStream, TimeRange } from './soundStream.ts';
export {
  isSilent,
  requireUsableSound,
  type SoundRemark,
  type SoundRemarkKind,
  shortClipsRemark,
  shortRemark,
  soundRemarks,
} from './usability.ts';
