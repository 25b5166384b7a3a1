/** @file Numbers about zero as a map of coloured cells: blue below, orange above, pale at zero. */
import { ParameterError, ShapeError } from '../core/errors.ts';
import { cssColour, inkOn, type Rgb } from './colourMap.ts';
import { element, ink, label, type Picture, shorten, softInk, svgDocument, textWidth } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface HeatMap {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** values[row][column], finite. */
  readonly values: readonly (readonly number[])[];
}

export interface HeatMapOptions {
  /** What the values are, beside the scale. */
  readonly valueLabel: string;
  /** Under the columns. */
  readonly columnLabel: string;
  /** Values as text, in the cells where there is room and beside the scale. Default two digits. */
  readonly format?: (value: number) => string;
}

const below: Rgb = [0, 96, 160];
const middle: Rgb = [247, 247, 244];
const above: Rgb = [201, 84, 0];

/**
 * Draws a map. Both ends of the scale are the largest magnitude there is.
 * @throws {ShapeError} unless there is a value for every row and column
 * @throws {ParameterError} for an empty map or a value that is not finite
 */
export function heatMapPicture({ rows, columns, values }: HeatMap, options: HeatMapOptions): Picture {
  check(rows, columns, values);
  const { valueLabel, columnLabel, format = (value) => String(Number(value.toPrecision(2))) } = options;
  const most = Math.max(...values.flat().map(Math.abs)) || 1;
  const cellWidth = columns.length <= 12 ? 58 : Math.max(8, Math.min(30, Math.floor(620 / columns.length)));
  const cellHeight = rows.length <= 24 ? 28 : rows.length <= 60 ? 18 : 12;
  const nameSize = Math.min(12, cellHeight - 2);
  const names = rows.map((name) => shorten(name.replaceAll('_', ' '), 28));
  const left = 20 + Math.max(...names.map((name) => textWidth(name, nameSize)));
  const top = 14;
  const [wide, high] = [columns.length * cellWidth, rows.length * cellHeight];
  const parts: string[] = [];
  const roomy = cellWidth >= 40 && cellHeight >= 18;
  values.forEach((row, i) => {
    const y = top + i * cellHeight;
    row.forEach((value, j) => {
      const colour = colourOf(value / most);
      const x = left + j * cellWidth;
      parts.push(
        element('rect', { x, y, width: cellWidth + 0.4, height: cellHeight, fill: cssColour(colour) }),
      );
      if (roomy) {
        parts.push(
          label(x + cellWidth / 2, y + cellHeight / 2, format(value), {
            ...{ anchor: 'middle', size: 11, fill: inkOn(colour) },
          }),
        );
      }
    });
    parts.push(label(left - 8, y + cellHeight / 2, names[i], { anchor: 'end', size: nameSize }));
  });
  // Names of columns turned by 40°, as many as fit.
  const every = Math.ceil(20 / cellWidth);
  const shown = columns.map((name) => shorten(name, 20));
  const drop = Math.max(...shown.map((name) => textWidth(name, 11))) * Math.sin((40 * Math.PI) / 180);
  shown.forEach((name, j) => {
    if (j % every !== 0) return;
    const x = left + (j + 0.5) * cellWidth + 4;
    parts.push(label(x, top + high + 11, name, { anchor: 'end', size: 11, rotate: -40 }));
  });
  const bottom = top + high + drop + 40;
  parts.push(
    element('rect', { x: left, y: top, width: wide, height: high, fill: 'none', stroke: softInk }),
    label(left + wide / 2, bottom - 12, columnLabel, { anchor: 'middle', fill: softInk }),
    scale(left + wide + 22, top, Math.max(110, Math.min(high, 260)), { most, valueLabel, format }),
  );
  const svg = svgDocument(left + wide + 124, Math.max(bottom, top + 130), ...parts);
  return { svg, png: svgToPng(svg) };
}

/** Pale at 0, full colour at ±1. */
function colourOf(t: number): Rgb {
  const end = t < 0 ? below : above;
  const share = Math.min(1, Math.abs(t)) ** 0.8;
  return middle.map((v, i) => Math.round(v + (end[i] - v) * share)) as unknown as Rgb;
}

function scale(
  x: number,
  y: number,
  height: number,
  { most, valueLabel, format }: { most: number; valueLabel: string; format: (value: number) => string },
): string {
  const steps = 64;
  const parts = Array.from({ length: steps }, (_, i) =>
    element('rect', {
      ...{ x, y: y + (i * height) / steps, width: 14, height: height / steps + 0.5 },
      fill: cssColour(colourOf(1 - (2 * (i + 0.5)) / steps)),
    }),
  );
  parts.push(element('rect', { x, y, width: 14, height, fill: 'none', stroke: softInk }));
  for (const t of [1, 0, -1]) {
    const at = y + (height * (1 - t)) / 2;
    parts.push(
      element('path', { d: `M${x + 14} ${at.toFixed(2)}h5`, stroke: ink }),
      label(x + 22, at, format(t * most), { size: 11 }),
    );
  }
  parts.push(
    label(x + 78, y + height / 2, valueLabel, { anchor: 'middle', fill: softInk, size: 11, rotate: -90 }),
  );
  return parts.join('');
}

function check(rows: readonly string[], columns: readonly string[], values: HeatMap['values']): void {
  if (rows.length === 0 || columns.length === 0) {
    throw new ParameterError('A heat map needs at least one row and one column.');
  }
  if (values.length !== rows.length || values.some((row) => row.length !== columns.length)) {
    throw new ShapeError(
      `A heat map of ${rows.length} rows and ${columns.length} columns needs that many values, got rows of ${values.map((row) => row.length).join(', ')}.`,
    );
  }
  const bad = values.flat().find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new ParameterError(`The values of a heat map must be finite, got ${bad}.`);
}
