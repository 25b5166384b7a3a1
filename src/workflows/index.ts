/** @module earshot/workflows: the use cases that the command line and programs share. Node only. */
export * from './classify.ts';
export * from './demo.ts';
export * from './embed.ts';
export * from './evaluate.ts';
export * from './explain.ts';
export * from './explainer.ts';
export * from './exportModel.ts';
export * from './exportPrecision.ts';
export * from './gradient.ts';
export type { WorkflowHooks } from './hooks.ts';
export * from './importModel.ts';
export * from './indexDataset.ts';
export * from './inspect.ts';
export * from './models.ts';
export * from './parity.ts';
export * from './similar.ts';
export * from './spectrogram.ts';
export * from './train.ts';
