/** @module earshot/audio: decode, mix down, resample and write sound. */
export * from './browser.ts';
export { type MonoStream, openMono } from './openMono.ts';
export { openSound } from './openSound.ts';
export { decodeFile, readAudio } from './readAudio.ts';
