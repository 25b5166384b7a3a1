/** @file Inspecting a dataset: open it, examine every file, say what was found. */
import {
  type Dataset,
  type Inspection,
  inspectDataset,
  inspectionText,
  openDataset,
} from '../datasets/index.ts';
import type { WorkflowHooks } from './hooks.ts';

export interface InspectWorkflowOptions extends WorkflowHooks {
  /** Folder of a dataset, or a CSV manifest; `demo` is the built-in synthetic set. */
  dataset: string;
  subset?: 'esc10';
  /** False reads headers alone. Default true. */
  decode?: boolean;
  /** Entries of each list in the text. Default 8. */
  most?: number;
}

/**
 * Inspects a dataset.
 * @returns the findings as plain data, and as text of about 100 columns
 * @throws {DatasetError} when `dataset` is none
 * @throws {CancelledError} when `signal` is aborted
 * @example const { inspection } = await inspect({ dataset: 'UrbanSound8K' }); inspection.leaks.length
 */
export async function inspect(
  options: InspectWorkflowOptions,
): Promise<{ inspection: Inspection; text: string }> {
  const { decode, most, threads, onProgress, signal } = options;
  const dataset = await open(options);
  const inspection = await inspectDataset(dataset, { decode, workers: threads, onProgress, signal });
  return { inspection, text: inspectionText(inspection, { most }) };
}

async function open(options: InspectWorkflowOptions): Promise<Dataset> {
  const { dataset, subset } = options;
  if (dataset !== 'demo') return openDataset(dataset, { subset });
  // Training brings most of the library with it; looking into a folder does without.
  const { openNamedDataset } = await import('./train.ts');
  return openNamedDataset(dataset, options);
}
