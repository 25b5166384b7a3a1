/** @file Writes a comparison: as data, as Markdown and as one HTML file, with its pictures beside them. */
import { join } from 'node:path';
import { writeFileAtomic, writeJson } from '../../files/index.ts';
import { comparisonDocument } from './comparisonDocument.ts';
import { type Comparison, comparisonPictures } from './comparisonPictures.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';

/**
 * Writes `comparison.json`, `comparison.md`, `comparison.html` and the pictures into `directory` (made if need be). The
 * HTML file needs none of the others.
 * @returns the paths written.
 */
export async function writeComparison(directory: string, comparison: Comparison): Promise<string[]> {
  const pictures = comparisonPictures(comparison);
  const page = comparisonDocument(comparison, pictures);
  const { sounds: _, soundRemark: __, ...data } = comparison;
  const files: [string, string | Uint8Array][] = [
    ['accuracy.png', pictures.accuracy.png],
    ['coverage.png', pictures.coverage.png],
    ['comparison.md', renderMarkdown(page)],
    ['comparison.html', renderHtml(page)],
  ];
  for (const [name, content] of files) await writeFileAtomic(join(directory, name), content);
  await writeJson(join(directory, 'comparison.json'), data);
  return [...files.map(([name]) => name), 'comparison.json'].map((name) => join(directory, name));
}
