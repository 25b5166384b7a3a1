/** @module earshot/explanation: what in a sound speaks for a class, by the gradient of any classifier's graph. */
export * from './explanationModel.ts';
export type { MapAxes } from './featureMap.ts';
export * from './pathGradient.ts';
export * from './saliency.ts';
export * from './timeline.ts';
