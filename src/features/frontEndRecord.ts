/** @file The schema of a front end in a file: of a model, an index, a run. */
import * as z from 'zod';
import { EarshotError } from '../core/errors.ts';
import { checkFrontEnd, type FrontEndSpec, frontEndNames } from './frontEnd.ts';

/** Sizes beyond these would only take memory; no front end comes near them. */
const sizes = {
  sampleRate: z.number().positive().max(1e6),
  nMels: z.int().min(1).max(4096),
};

const fields = z.looseObject({
  kind: z.enum(frontEndNames),
  version: z.literal(1),
  ...sizes,
  nFft: z
    .int()
    .min(2)
    .max(2 ** 18)
    .optional(),
  hopLength: z
    .int()
    .min(1)
    .max(2 ** 18)
    .optional(),
});

/** A front end, checked as {@link checkFrontEnd} does. Before there were several, files did not say that theirs is log-mel. */
export const frontEndRecord: z.ZodType<FrontEndSpec> = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { kind: 'log-mel', version: 1, ...value }
      : value,
  z.custom<FrontEndSpec>().superRefine((value, context) => {
    const checked = fields.safeParse(value);
    if (!checked.success) {
      for (const { path, message } of checked.error.issues)
        context.addIssue({ code: 'custom', path: [...path], message, continue: false });
      return;
    }
    try {
      checkFrontEnd(value);
    } catch (error) {
      if (!(error instanceof EarshotError)) throw error;
      context.addIssue({ code: 'custom', message: error.message, continue: false });
    }
  }),
);
