/** @module earshot/embeddings: recordings as vectors of frozen networks, and what is near what. */
export * from './browser.ts';
export * from './node/embedDataset.ts';
export * from './node/embedderKey.ts';
export * from './node/embeddingIndex.ts';
export * from './node/embedRecordings.ts';
export * from './node/nearDuplicates.ts';
export { type VectorSpool, writeSpooled } from './node/vectorSpool.ts';
