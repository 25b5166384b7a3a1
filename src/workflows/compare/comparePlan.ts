/**
 * @file What the runs of a comparison are made from, by content: kept in the comparison's folder before the first of them
 * starts, so that none is ever replaced by a run of other settings.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { weightsSha256 } from '../../approaches/index.ts';
import { TrainingError, UsageError } from '../../core/index.ts';
import { canonicalJson, digest } from '../../extraction/index.ts';
import { readRecord, writeJson } from '../../files/index.ts';
import { configFile, contents } from '../runFolder.ts';
import type { CompareEntry, CompareJob } from './compareJobs.ts';

/** The key of every run, by its id: equal keys mean equal settings, split, seed, device, data and weights. */
export type ComparePlan = ReadonlyMap<string, string>;

const planFile = 'plan.json';

const storedPlan = z.object({ format: z.literal(1), runs: z.record(z.string(), z.string()) });

export async function planOf(
  jobs: readonly CompareJob[],
  { dataFingerprint, device }: { readonly dataFingerprint: string; readonly device: string },
): Promise<ComparePlan> {
  const settings = new Map<CompareEntry, unknown>();
  for (const { entry } of jobs) {
    if (!settings.has(entry)) settings.set(entry, await settingsOf(entry));
  }
  return new Map(
    jobs.map(({ id, entry, seed, split }) => [
      id,
      digest(canonicalJson({ settings: settings.get(entry), seed, split, device }), dataFingerprint),
    ]),
  );
}

/** An entry's settings with the content of the files that they name. Its name, and how it was written, do not count. */
async function settingsOf({ name, approach, network, overrides = {} }: CompareEntry): Promise<unknown> {
  const { weights } = overrides;
  const labels = overrides.prompts?.labelsFile;
  return {
    approach: approach ?? name,
    network: network === undefined ? null : { ...network, file: await contentOf(network.file) },
    overrides: {
      ...overrides,
      ...(weights === undefined ? {} : { weights: await contentOf(weights) }),
      ...(labels === undefined
        ? {}
        : { prompts: { ...overrides.prompts, labelsFile: await contentOf(labels) } }),
    },
  };
}

/** SHA-256 of a file or folder of weights; what is named and not there by its name: the run will say so. */
async function contentOf(named: string): Promise<string> {
  return weightsSha256(named).catch(() => named);
}

/**
 * Checks that a comparison keeps all that is in its folder.
 * @throws {TrainingError} when a run there is left out, or has other settings or other data
 */
export async function requirePlan(directory: string, plan: ComparePlan): Promise<void> {
  const stored = await readRecord(join(directory, planFile), storedPlan, {
    what: 'the plan of a comparison',
    hint: 'Restore it, or choose another --out.',
    error: TrainingError,
    version: { field: 'format', supported: [1] },
  });
  if (stored === null && (await contents(directory)).includes(configFile)) {
    throw new UsageError(`${directory} holds a single run, and no comparison to go on with.`, {
      hint: 'Choose another --out.',
    });
  }
  for (const [id, key] of Object.entries(stored?.runs ?? {})) {
    const wanted = plan.get(id);
    if (wanted === key) continue;
    throw new TrainingError(
      wanted === undefined
        ? `${directory} holds the run ${id}, which is not part of this comparison; nothing in it was changed.`
        : `${directory} holds the run ${id} with other settings or on other data; nothing in it was changed.`,
      {
        hint: 'Resume with the options and the data of that comparison (approaches and seeds may be added), or choose another --out.',
      },
    );
  }
}

export async function writePlan(directory: string, plan: ComparePlan): Promise<void> {
  const stored: z.input<typeof storedPlan> = { format: 1, runs: Object.fromEntries(plan) };
  await writeJson(join(directory, planFile), stored);
}
