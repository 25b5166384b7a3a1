/** @file What tells one embedder from another: the same key, the same numbers. */
import { canonicalJson, digest } from '../../extraction/index.ts';
import type { EmbedderSpec } from '../embedder.ts';

/** Raised when decoding, windowing or front ends give other numbers than before, so that old results are not used. */
const version = '1';

/** SHA-256 over what decides the numbers; names and descriptions are left out. */
export function embedderKey(spec: EmbedderSpec): string {
  const { settings, embedding, size, sampleRate, frontEnd, windowing, weights } = spec;
  return digest(
    'embedder',
    version,
    canonicalJson({ settings, embedding, size, sampleRate, frontEnd, windowing, weights: weights.sha256 }),
  );
}
