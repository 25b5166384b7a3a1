/** @file Writes a run's report: report.md and report.html, with the pictures inside, and as files beside them. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/atomic.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';
import { reportPictures } from './reportPictures.ts';
import { runDocument } from './runDocument.ts';
import type { RunReport } from './runReport.ts';

/**
 * Writes `report.md`, `report.html`, `confusion.png`, `reliability.png` and, where there is a history, `curves.png` into `directory`
 * (made if need be). The HTML file needs none of the others.
 * @returns the paths written.
 */
export async function writeRunReport(directory: string, report: RunReport): Promise<string[]> {
  const pictures = reportPictures(report);
  const page = runDocument(report, pictures);
  const files: [string, string | Uint8Array][] = [
    ['confusion.png', pictures.confusion.png],
    ['reliability.png', pictures.reliability.png],
  ];
  if (pictures.curves !== null) files.push(['curves.png', pictures.curves.png]);
  files.push(['report.md', renderMarkdown(page)], ['report.html', renderHtml(page)]);
  const paths: string[] = [];
  for (const [name, content] of files) {
    const path = join(directory, name);
    await writeFileAtomic(path, content);
    paths.push(path);
  }
  return paths;
}
