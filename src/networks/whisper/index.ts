/** @file What the rest of the program takes of Whisper's network. */
export * from './whisper.ts';
export * from './whisperConfig.ts';
export * from './whisperEncoder.ts';
export * from './whisperHead.ts';
export * from './whisperNames.ts';
