/** @file The schema of a pipeline in a file. */
import * as z from 'zod';
import { EarshotError } from '../core/index.ts';
import { frontEndRecord } from '../features/index.ts';
import { type ClipPipeline, checkClipPipeline } from './clipPipeline.ts';

/** A pipeline, checked as {@link checkClipPipeline} does. */
export const clipPipelineRecord: z.ZodType<ClipPipeline> = z
  .looseObject({
    sampleRate: z.number().positive().max(1e6),
    windowSeconds: z.number().positive(),
    pad: z.enum(['repeat', 'copies', 'zero', 'none', 'mask']),
    overlap: z.number(),
    tolerance: z.number().optional(),
    frontEnd: frontEndRecord.nullable(),
  })
  .superRefine((pipeline, context) => {
    try {
      checkClipPipeline(pipeline);
    } catch (error) {
      if (!(error instanceof EarshotError)) throw error;
      context.addIssue({ code: 'custom', message: error.message, continue: false });
    }
  });
