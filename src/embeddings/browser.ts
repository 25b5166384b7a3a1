/**
 * @module Embeddings without Node: embedders, pooling, similarity, and the file formats of embeddings. What runs the
 * network is handed in.
 */

export * from '../windows/index.ts';
export * from './alikePairs.ts';
export * from './clipSimilarity.ts';
export * from './embedder.ts';
export * from './embeddingFile.ts';
export * from './npy.ts';
export * from './npz.ts';
export * from './pooling.ts';
export * from './similarity.ts';
export * from './waveformMatch.ts';
export * from './windowBatcher.ts';
