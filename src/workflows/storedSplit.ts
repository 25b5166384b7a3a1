/** @file A division of classes as `zero-shot evaluate` keeps it, to go on from. */
import * as z from 'zod';
import { TrainingError } from '../core/index.ts';
import { readRecord } from '../files/index.ts';
import { zeroShotMethodNames } from '../zeroShot/index.ts';

const names = z.array(z.string()).readonly();
const count = z.int().min(0);
const detection = z.object({ auroc: z.number(), fpr95: z.number() });

const stackingPoint = z.object({
  // JSON has no −∞: it becomes null.
  gamma: z
    .number()
    .nullable()
    .transform((gamma) => gamma ?? Number.NEGATIVE_INFINITY),
  seen: z.number(),
  unseen: z.number(),
  harmonic: z.number(),
});

const storedSplit = z.object({
  /** Of settings, data and division. */
  fingerprint: z.string(),
  outcome: z.object({
    split: z.object({ name: z.string(), seen: names, unseen: names }),
    methods: z
      .array(
        z.object({
          method: z.enum(zeroShotMethodNames),
          settings: z.object({ clips: z.number(), vectors: z.number() }),
          predicted: names,
          accuracy: z.number(),
          shuffled: z.array(z.number()).readonly(),
          generalised: z.object({
            plain: stackingPoint,
            calibrated: stackingPoint,
            ausuc: z.number(),
            curve: z.array(stackingPoint).readonly(),
          }),
        }),
      )
      .readonly(),
    unknown: z.object({ softmax: detection, energy: detection, mahalanobis: detection }),
    seenAccuracy: z.number(),
    rows: z.object({ fit: count, seenTest: count, unseen: count }),
  }),
  tested: z.array(z.object({ id: z.string(), label: z.string(), group: z.string() })).readonly(),
  failures: z.array(z.object({ subject: z.string(), message: z.string() })).readonly(),
});

export type StoredSplit = Readonly<z.output<typeof storedSplit>>;

/**
 * The finished division in a file; null where there is none.
 * @param fingerprint it must have
 * @throws {TrainingError} when it cannot be read, is damaged, or is of other settings or other data
 */
export async function readStoredSplit(path: string, fingerprint: string): Promise<StoredSplit | null> {
  const stored = await readRecord(path, storedSplit, {
    what: 'a finished division of classes',
    hint: 'Restore it, or remove it to have that division evaluated again.',
    error: TrainingError,
  });
  if (stored === null || stored.fingerprint === fingerprint) return stored;
  throw new TrainingError(`${path} is of an evaluation with other settings or on other data.`, {
    hint: 'Resume with the options and the data of that evaluation, or choose another --out.',
  });
}
