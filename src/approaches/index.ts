/** Approaches: choices of parts, their resolved settings, and the one-file artefact. */
export * from './approaches.ts';
export * from './artifact.ts';
export { ClapEar, clapWindowsPerRun } from './clap/clapEar.ts';
export { type ClapModel, openClap } from './clap/clapModel.ts';
export * from './clap/labelVectors.ts';
export * from './clap/promptApproach.ts';
export * from './clap/prompts.ts';
export * from './classifier.ts';
export * from './clipVectors.ts';
export * from './embedderChoice.ts';
export * from './embedders.ts';
export * from './importedModel.ts';
export * from './namedEmbedders.ts';
export * from './runConfig.ts';
export * from './startingWeights.ts';
export * from './vectorApproaches.ts';
export * from './whisperCheckpoint.ts';
export * from './whisperSettings.ts';
