/** @file Writes a run's report: report.md and report.html, with the pictures inside, and as files beside them. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/atomic.ts';
import { confusionSvg } from './confusionSvg.ts';
import { curveSvgs } from './curvesSvg.ts';
import { pagePalette, paperPalette } from './palette.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';
import { runDocument } from './runDocument.ts';
import type { RunReport } from './runReport.ts';
import { svgToPng } from './svgToPng.ts';

/**
 * Writes `report.md`, `report.html`, `confusion.png` and, where there is a history, `loss.png` and `accuracy.png`
 * into `directory` (made if need be). The HTML file needs none of the others.
 * @returns the paths written.
 */
export async function writeRunReport(directory: string, report: RunReport): Promise<string[]> {
  const { confusion } = report.evaluation;
  const history = report.history ?? [];
  const page = runDocument(report, {
    confusion: confusionSvg(confusion, pagePalette),
    ...curveSvgs(history, pagePalette),
  });
  const curves = curveSvgs(history, paperPalette);
  const pictures = {
    confusion: confusionSvg(confusion, paperPalette),
    loss: curves.loss,
    accuracy: curves.accuracy,
  };
  const files: [string, string | Uint8Array][] = [];
  for (const [name, svg] of Object.entries(pictures)) {
    if (svg !== null) files.push([`${name}.png`, svgToPng(svg, 2)]);
  }
  files.push(['report.md', renderMarkdown(page)], ['report.html', renderHtml(page)]);
  const paths: string[] = [];
  for (const [name, content] of files) {
    const path = join(directory, name);
    await writeFileAtomic(path, content);
    paths.push(path);
  }
  return paths;
}
