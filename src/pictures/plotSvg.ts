/** @file Observable Plot to SVG text, without a browser. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { fontFamily, ink } from './svg.ts';

/**
 * Draws a plot. Titles and legends, which Plot makes of HTML, are not taken: draw them beside it.
 * @param options Observable Plot's own, without title, subtitle, caption and legends
 * @returns SVG text of Plot's size, in the fonts that {@link svgToPng} has
 */
export function plotSvg(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const root = Plot.plot({ ...options, document: document as never }) as unknown as SvgElement;
  // Plot's style sheet is for pages: selectors and variables that renderers of plain SVG do not know.
  for (const sheet of root.querySelectorAll('style')) sheet.remove();
  root.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  root.setAttribute('font-family', fontFamily);
  root.setAttribute('color', ink);
  return root.outerHTML.replaceAll('var(--plot-background)', '#ffffff');
}

/** What is used of the element; the DOM's types are not among the compiler's. */
interface SvgElement {
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<{ remove(): void }>;
  readonly outerHTML: string;
}
