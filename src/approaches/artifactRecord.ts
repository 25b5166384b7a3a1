/** @file The schema of what an artefact says about itself, and of what it says of its precision. */
import * as z from 'zod';
import { clipPipelineRecord, windowSamplesOf } from '../extraction/index.ts';
import { frontEndRecord } from '../features/index.ts';
import type { ArtifactInfo, ArtifactInput, PrecisionRecord } from './artifact.ts';
import type { WhisperSettings } from './whisperSettings.ts';

const count = z.int().min(0);
const size = z.int().min(1);
const share = z.number().min(0).max(1);
const numbers = z.array(z.number());
const nonNegative = z.number().min(0);

const whisperRecord: z.ZodType<WhisperSettings> = z.looseObject({
  config: z.looseObject({
    ...{ width: size, layers: size, heads: size, feedForward: size },
    ...{ nMels: size, maxPositions: size, projection: size, weightedLayerSum: z.boolean() },
  }),
  context: z.enum(['full', 'clip']),
  pooling: z.enum(['mean', 'attention']),
});

export const precisionRecord: z.ZodType<PrecisionRecord> = z.looseObject({
  precision: z.enum(['fp16', 'int8']),
  source: z.looseObject({ file: z.string(), sha256: z.string(), bytes: count }),
  numbers: count,
  integerProducts: count,
  evaluation: z
    .looseObject({
      dataset: z.string(),
      clips: count,
      accuracyBefore: share,
      accuracyAfter: share,
      decisionsChanged: count,
      largestProbabilityDifference: nonNegative,
      millisecondsBefore: nonNegative,
      millisecondsAfter: nonNegative,
    })
    .nullable(),
});

const calibrationRecord = z.looseObject({
  temperature: z.number().positive(),
  clips: count,
  groups: count,
  scores: z.looseObject({ lac: numbers, aps: numbers }),
});

const unknownRecord = z
  .looseObject({
    logits: z.string().nullable(),
    falseAlarms: share,
    thresholds: z.looseObject({
      softmax: z.number().nullable(),
      energy: z.number().nullable(),
      mahalanobis: z.number().nullable(),
    }),
    calibratedOn: z.looseObject({ dataset: z.string(), clips: count, recordings: count }),
    mahalanobis: z.looseObject({
      means: z.array(numbers),
      directions: z.array(numbers),
      variances: z.array(z.number().positive()),
      rest: z.number().positive(),
    }),
  })
  .refine(({ thresholds, mahalanobis: { means, directions, variances } }) => {
    // A model whose thresholds are still to be set, by which it is heard for the first time.
    if (means.length === 0) return Object.values(thresholds).every((threshold) => threshold === null);
    const columns = means[0]?.length ?? 0;
    const even = [...means, ...directions].every((row) => row.length === columns);
    return columns > 0 && even && directions.length === variances.length;
  }, 'means, directions and variances of different lengths');

const pictureRecord = z.looseObject({
  tensor: z.string(),
  frontEnd: frontEndRecord,
  windows: z.looseObject({ hopSamples: size, leading: count }).nullable(),
  baseline: z.number().nullable(),
});

const inputRecord: z.ZodType<ArtifactInput> = z.looseObject({
  standardize: z.boolean(),
  pictureSize: z.tuple([size, size]).nullable(),
  layout: z.enum(['mel-frames', 'frames-mel', 'mel-frames-channels', 'frames-mel-channels']).optional(),
  scaling: z
    .discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('clip') }),
      z.looseObject({
        ...{ kind: z.literal('range'), low: z.number(), high: z.number(), depth: z.number().positive() },
      }),
    ])
    .optional(),
  channels: z.looseObject({ mean: numbers.min(1), deviation: numbers.min(1) }).optional(),
});

/** What {@link ArtifactInfo} says, as it is written into a model's metadata. */
export const artifactRecord: z.ZodType<ArtifactInfo> = z
  .looseObject({
    format: z.literal(1),
    approach: z.string(),
    classes: z
      .array(z.string().min(1))
      .min(1)
      .refine((names) => new Set(names).size === names.length, 'a class is there twice'),
    sampleRate: z.number().positive(),
    windowSamples: size,
    windowSeconds: z.number().positive(),
    pad: z.enum(['repeat', 'copies', 'zero', 'none', 'mask']),
    overlap: share,
    pipeline: clipPipelineRecord,
    network: z.string(),
    embeddingSize: size,
    whisper: whisperRecord.optional(),
    input: inputRecord.optional(),
    precision: precisionRecord.optional(),
    clipsPerRun: size.optional(),
    picture: pictureRecord.optional(),
    weights: z.string(),
    trainedOn: z.looseObject({
      dataset: z.string(),
      synthetic: z.boolean(),
      fingerprint: z.string(),
      split: z.string(),
    }),
    calibration: calibrationRecord.optional(),
    seed: z.number(),
    versions: z.record(z.string(), z.string()),
    unknown: unknownRecord.optional(),
  })
  // The top level repeats the pipeline, for readers that want no more; two answers would be one too many.
  .superRefine(({ pipeline, ...top }, context) => {
    for (const name of ['sampleRate', 'windowSeconds', 'pad', 'overlap'] as const) {
      if (top[name] !== pipeline[name])
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `it is ${JSON.stringify(top[name])}, but pipeline.${name} is ${JSON.stringify(pipeline[name])}`,
        });
    }
    if (top.windowSamples !== windowSamplesOf(pipeline))
      context.addIssue({
        code: 'custom',
        path: ['windowSamples'],
        message: `it is ${top.windowSamples}, but the pipeline's window has ${windowSamplesOf(pipeline)} samples`,
      });
  });
