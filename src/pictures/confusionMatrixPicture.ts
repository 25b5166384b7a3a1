/** @file A confusion matrix as a picture: counts in the cells, colour by the share of each true class. */
import { ParameterError, ShapeError } from '../core/errors.ts';
import { type ColourMapName, colourOf, cssColour, inkOn } from './colourMap.ts';
import { element, ink, label, type Picture, shorten, softInk, svgDocument, textWidth } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface ConfusionMatrix {
  /** Class names in the order of rows and columns. */
  readonly classes: readonly string[];
  /** matrix[true][predicted]: counts, ≥ 0. */
  readonly matrix: readonly (readonly number[])[];
}

export interface ConfusionMatrixPictureOptions {
  title?: string;
  /** Default viridis. */
  colourMap?: ColourMapName;
}

/**
 * Draws a confusion matrix: true classes down, predicted classes across, each cell with its count and, where there
 * is room, the percentage of the true class. Cells shrink as classes grow in number; 50 classes stay readable.
 * @throws {ShapeError} unless the matrix is square with a row for every class
 * @throws {ParameterError} for no classes or a count that is negative or not finite
 */
export function confusionMatrixPicture(
  { classes, matrix }: ConfusionMatrix,
  options: ConfusionMatrixPictureOptions = {},
): Picture {
  const n = classes.length;
  check(classes, matrix);
  const map = options.colourMap ?? 'viridis';
  const cell = n <= 12 ? 52 : n <= 20 ? 40 : n <= 32 ? 28 : 20;
  const nameSize = n <= 20 ? 12 : n <= 32 ? 11 : 10;
  const countSize = n <= 12 ? 13 : n <= 20 ? 12 : n <= 32 ? 9.5 : 7;
  const names = classes.map((name) => shorten(name.replaceAll('_', ' '), 28));
  const longest = Math.max(...names.map((name) => textWidth(name, nameSize)));
  const side = n * cell;
  const left = 44 + longest;
  const top = options.title === undefined ? 20 : 52;
  // Names below are turned by 40°.
  const below = longest * Math.sin((40 * Math.PI) / 180) + 48;
  const width = Math.max(
    left + side + 110,
    options.title === undefined ? 0 : left + textWidth(options.title, 15),
  );
  const barHeight = Math.max(170, Math.min(side, 260));
  const height = top + Math.max(side + below, barHeight + 16);
  const parts: string[] = [];
  if (options.title !== undefined) parts.push(label(left, 24, options.title, { size: 15, weight: 'bold' }));
  matrix.forEach((row, i) => {
    const total = row.reduce((sum, v) => sum + v, 0);
    const y = top + i * cell;
    row.forEach((count, j) => {
      const x = left + j * cell;
      const share = total === 0 ? 0 : count / total;
      const colour = total === 0 ? ([245, 245, 245] as const) : shade(map, share);
      parts.push(
        element('rect', { x, y, width: cell, height: cell, fill: cssColour(colour), stroke: '#ffffff' }),
      );
      if (count === 0) return;
      const fill = inkOn(colour);
      const roomy = cell >= 50;
      parts.push(
        label(x + cell / 2, y + cell / 2 - (roomy ? 7 : 0), format(count), {
          anchor: 'middle',
          size: fittingSize(format(count), countSize, cell),
          fill,
          weight: i === j ? 'bold' : undefined,
        }),
      );
      if (roomy) {
        const percent = share < 0.005 ? '< 1 %' : `${Math.round(100 * share)} %`;
        parts.push(label(x + cell / 2, y + cell / 2 + 10, percent, { anchor: 'middle', size: 10, fill }));
      }
    });
    parts.push(label(left - 8, y + cell / 2, names[i], { anchor: 'end', size: nameSize }));
    parts.push(
      label(left + (i + 0.5) * cell + 4, top + side + 12, names[i], {
        anchor: 'end',
        size: nameSize,
        rotate: -40,
      }),
    );
  });
  parts.push(
    element('rect', { x: left, y: top, width: side, height: side, fill: 'none', stroke: ink }),
    label(18, top + side / 2, 'True class', { anchor: 'middle', size: 13, fill: softInk, rotate: -90 }),
    label(left + side / 2, top + side + below - 14, 'Predicted class', {
      anchor: 'middle',
      size: 13,
      fill: softInk,
    }),
    shareBar(left + side + 22, top, barHeight, map),
  );
  const svg = svgDocument(width, height, ...parts);
  return { svg, png: svgToPng(svg) };
}

/** Zero is near white, so that the eye goes to what is there; above, the map from its light end to its dark end. */
function shade(map: ColourMapName, share: number): readonly [number, number, number] {
  const [r, g, b] = colourOf(map, map === 'grey' ? share : 0.92 * (1 - share));
  const fade = Math.min(1, share / 0.25);
  const mix = (v: number) => Math.round(248 + (v - 248) * fade);
  return [mix(r), mix(g), mix(b)];
}

function shareBar(x: number, y: number, height: number, map: ColourMapName): string {
  const steps = 64;
  const parts = Array.from({ length: steps }, (_, i) =>
    element('rect', {
      x,
      y: y + (i * height) / steps,
      width: 14,
      height: height / steps + 0.5,
      fill: cssColour(shade(map, 1 - (i + 0.5) / steps)),
    }),
  );
  parts.push(element('rect', { x, y, width: 14, height, fill: 'none', stroke: ink }));
  for (const percent of [0, 50, 100]) {
    const at = y + height * (1 - percent / 100);
    parts.push(
      element('path', { d: `M${x + 14} ${at.toFixed(2)}h5`, stroke: ink }),
      label(x + 22, at, `${percent} %`, { size: 11 }),
    );
  }
  parts.push(
    label(x + 68, y + height / 2, 'Share of the true class', {
      anchor: 'middle',
      size: 12,
      fill: softInk,
      rotate: -90,
    }),
  );
  return parts.join('');
}

function check(classes: readonly string[], matrix: ConfusionMatrix['matrix']): void {
  const n = classes.length;
  if (n === 0) throw new ParameterError('A confusion matrix needs at least one class.');
  if (matrix.length !== n || matrix.some((row) => row.length !== n)) {
    throw new ShapeError(
      `A confusion matrix of ${n} classes needs ${n} rows of ${n} counts, got rows of ${matrix.map((r) => r.length).join(', ')}.`,
    );
  }
  const bad = matrix.flat().find((v) => !(v >= 0 && Number.isFinite(v)));
  if (bad !== undefined) throw new ParameterError(`Counts must be finite and ≥ 0, got ${bad}.`);
}

function format(count: number): string {
  return Number.isInteger(count) ? String(count) : count.toFixed(1);
}

function fittingSize(text: string, size: number, cell: number): number {
  return Math.min(size, (cell - 4) / (text.length * 0.64));
}
