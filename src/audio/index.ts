/** @module earshot/audio: decode, mix down, resample and write sound. */
export * from './browser.ts';
export { type MonoOptions, type MonoStream, openMono } from './openMono.ts';
export { openSound } from './openSound.ts';
export { openUsableSound, type UsableSound } from './openUsableSound.ts';
export { probeFile } from './probeFile.ts';
export { decodeFile, readAudio } from './readAudio.ts';
export { collectSound, hasSoundAt, readSound, type SoundStretch, soundLength } from './readSound.ts';
