/** @module earshot/audio: decode, mix down, resample and write sound. */
export * from './browser.ts';
export { readAudio } from './readAudio.ts';
