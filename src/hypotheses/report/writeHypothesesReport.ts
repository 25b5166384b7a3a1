/** @file Writes the report of the hypotheses: report.html, report.md and report.json, with the pictures as files beside. */
import { join } from 'node:path';
import { renderHtml, renderMarkdown } from '../../evaluation/index.ts';
import { writeFileAtomic, writeJson } from '../../files/index.ts';
import { hypothesesDocument } from './hypothesesDocument.ts';
import { type HypothesesReport, hypothesesJson } from './hypothesesReport.ts';
import { hypothesisPictures } from './hypothesisPictures.ts';

/**
 * Writes into `directory` (made if need be). The HTML file needs none of the others.
 * @returns the paths of the three reports
 */
export async function writeHypothesesReport(
  directory: string,
  report: HypothesesReport,
): Promise<{ html: string; markdown: string; json: string }> {
  const pictures = report.found.judged.map((judged) => hypothesisPictures(judged, report.table));
  const page = hypothesesDocument(report, pictures);
  const paths = {
    html: join(directory, 'report.html'),
    markdown: join(directory, 'report.md'),
    json: join(directory, 'report.json'),
  };
  for (const { file, picture } of pictures.flat()) {
    await writeFileAtomic(join(directory, file), picture.png);
  }
  await writeFileAtomic(paths.markdown, renderMarkdown(page));
  await writeJson(paths.json, hypothesesJson(report));
  await writeFileAtomic(paths.html, renderHtml(page));
  return paths;
}
