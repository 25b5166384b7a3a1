/**
 * Earshot: from a folder of labelled recordings to a trained, honestly evaluated sound classifier.
 *
 * The use cases (`train`, `evaluate`, `classify`, `inspect`, `spectrogram`, `demo`), the typed errors they throw, and
 * the two ways to read sound. Everything below them has a module of its own: `earshot/audio`, `earshot/features`,
 * `earshot/datasets`, `earshot/onnx`, `earshot/autodiff`, …
 * @module earshot
 */
export { type AudioData, decodeAudio, readAudio, resample, toMono } from './audio/index.ts';
export * from './core/errors.ts';
export * from './core/progress.ts';
export * from './workflows/index.ts';
