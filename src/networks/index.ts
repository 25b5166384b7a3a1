/** @module earshot/networks: networks as graph builders with the public parameter names. Runs anywhere. */
export * from './blocks.ts';
export * from './cnn.ts';
export * from './edgel3.ts';
export * from './embeddingCandidates.ts';
export * from './imported.ts';
export * from './importedPicture.ts';
export * from './kerasLayers.ts';
export * from './loadWeights.ts';
export * from './lora.ts';
export { type LoraCandidate, loraCandidates, type WeightUse } from './loraTargets.ts';
export * from './network.ts';
export * from './networkByName.ts';
export * from './openl3.ts';
export * from './resnet.ts';
export * from './transformer.ts';
export * from './whisper/index.ts';
export * from './winograd.ts';
export { yamnet } from './yamnet.ts';
