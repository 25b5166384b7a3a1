/** @file The schema of an embedder in a file, such as an index. */
import * as z from 'zod';
import { frontEndRecord } from '../features/index.ts';
import type { Windowing } from '../windows/index.ts';
import type { EmbedderSpec } from './embedder.ts';

/** An hour at 48 kHz: no network hears more at once. */
const samples = z.int().min(1).max(172_800_000);

const windowingRecord: z.ZodType<Windowing> = z.looseObject({
  samples,
  hopSamples: samples,
  hopSeconds: z.number().positive(),
  leading: z.int().min(0).max(172_800_000),
  end: z.enum(['zeros', 'back', 'short']),
  pad: z.enum(['repeat', 'copies', 'zero', 'none', 'mask']),
  tolerance: z.int().min(0).optional(),
});

export const embedderRecord: z.ZodType<EmbedderSpec> = z.looseObject({
  network: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  embedding: z.string(),
  size: z
    .int()
    .min(1)
    .max(2 ** 24),
  sampleRate: z.number().positive().max(1e6),
  frontEnd: frontEndRecord.nullable(),
  windowing: windowingRecord,
  rowSeconds: z.number().positive().optional(),
  weights: z.looseObject({ description: z.string(), sha256: z.string() }),
});
