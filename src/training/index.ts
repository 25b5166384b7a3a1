/** @module earshot/training: augmentation, step graphs, the training loop and its checkpoints. Node only. */
export * from './augment/augmentation.ts';
export * from './augment/spectrogram.ts';
export * from './augment/waveform.ts';
export * from './batches.ts';
export * from './checkpoint.ts';
export * from './config.ts';
export * from './normalization.ts';
export * from './schedule.ts';
export * from './stepGraph.ts';
export * from './targets.ts';
export * from './trainer.ts';
