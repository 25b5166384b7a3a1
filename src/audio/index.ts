/** @module earshot/audio: decode, mix down, resample and write sound. */
export * from './browser.ts';
export { decodeFile, readAudio } from './readAudio.ts';
