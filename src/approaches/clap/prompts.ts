/** @file From labels to prompts: templates, and descriptions that a file gives. */
import { extname } from 'node:path';
import * as z from 'zod';
import { ParameterError, parseRecord } from '../../core/index.ts';
import { readTable, requireText } from '../../datasets/index.ts';
import { requireRecord } from '../../files/index.ts';

/** What CLAP was evaluated with. */
export const clapTemplate = 'This is a sound of {}.';

/** A label and the sentences that stand for it: their mean direction is the label's. */
export interface PromptedLabel {
  readonly label: string;
  readonly prompts: readonly string[];
}

/** Labels, each with its descriptions; with none, templates make its prompts. */
export type LabelDescriptions = ReadonlyMap<string, readonly string[]>;

/**
 * Prompts for labels: a label's own descriptions as they are, else each template with the label in the place of `{}`,
 * underscores as blanks.
 * @throws {ParameterError} for no label, an empty one, one that is there twice, and a template without `{}`
 */
export function promptsFor(
  labels: LabelDescriptions,
  templates: readonly string[] = [clapTemplate],
): PromptedLabel[] {
  if (labels.size === 0) throw new ParameterError('There is no label to recognise.');
  if (templates.length === 0) throw new ParameterError('There is no template to make prompts with.');
  for (const template of templates) {
    if (!template.includes('{}'))
      throw new ParameterError(`The template '${template}' has no place for the label.`, {
        hint: `Write {} where it goes, as in '${clapTemplate}'`,
      });
  }
  return [...labels].map(([label, descriptions]) => {
    if (label.trim() === '') throw new ParameterError('A label is empty.');
    const spoken = label.replaceAll('_', ' ').replace(/\s+/g, ' ').trim();
    const made = templates.map((template) => template.replaceAll('{}', spoken));
    return { label, prompts: descriptions.length > 0 ? descriptions : made };
  });
}

/** Labels without descriptions. @throws {ParameterError} for one that is there twice */
export function plainLabels(labels: readonly string[]): LabelDescriptions {
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new ParameterError(`The label '${twice}' is there twice.`);
  return new Map(labels.map((label) => [label, []]));
}

/**
 * Labels with descriptions from a file: a CSV table with the columns `label` and `description` (a label may have several
 * rows; an empty description leaves it to the templates), or a JSON object of labels, each with a sentence, a list of
 * them, or an empty list.
 * @throws {DatasetError} for a table that cannot be read, naming the line
 * @throws {ParameterError} for a JSON file that is not such an object
 */
export async function readLabelFile(path: string): Promise<LabelDescriptions> {
  const labels =
    extname(path).toLowerCase() === '.json' ? await labelsFromJson(path) : await labelsFromTable(path);
  if (labels.size === 0) throw new ParameterError(`${path} holds no label.`);
  return labels;
}

async function labelsFromTable(path: string): Promise<Map<string, string[]>> {
  const table = await readTable(path, ['label', 'description']);
  const labels = new Map<string, string[]>();
  for (const row of table.rows) {
    const label = requireText(table, row, 'label');
    const descriptions = labels.get(label) ?? [];
    labels.set(label, descriptions);
    const description = row.cells['description'] ?? '';
    if (description !== '') descriptions.push(description);
  }
  return labels;
}

/** A label's sentence, or a list of them. */
const sentence = z.string().refine((text) => text.trim() !== '', 'a sentence is empty');
const labelRecord = z.record(z.string(), z.union([sentence, z.array(sentence)]));

async function labelsFromJson(path: string): Promise<Map<string, string[]>> {
  return labelsOf(await requireRecord(path, labelRecord, labelDescription));
}

/** Labels with descriptions from the content of a JSON file. @throws {ParameterError} */
export function parseLabels(text: string, path: string): Map<string, string[]> {
  return labelsOf(parseRecord(labelRecord, text, { ...labelDescription, name: path }));
}

const labelDescription = {
  what: 'a JSON object of labels, each with a sentence or a list of them',
  hint: 'Such as {"dog_bark": ["A dog barks.", "A dog is barking in the distance."], "siren": []}',
};

function labelsOf(record: z.output<typeof labelRecord>): Map<string, string[]> {
  return new Map(
    Object.entries(record).map(([label, said]) => [label, typeof said === 'string' ? [said] : said]),
  );
}
