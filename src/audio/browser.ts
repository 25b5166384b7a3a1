/** @module earshot/audio without file access: everything here runs in browsers and imports nothing from Node. */
export { type AudioData, type AudioProbe, type DecodeOptions, toMono } from './audioData.ts';
export { decodeAudio } from './decodeAudio.ts';
export { type EncodeWavOptions, encodeWav, type WavEncoding } from './encodeWav.ts';
export { probeAudio } from './probeAudio.ts';
export { resample } from './resample.ts';
