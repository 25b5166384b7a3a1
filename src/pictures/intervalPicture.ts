/** @file Values with their intervals, one row each, beside what chance gives where that is known. */
import { ParameterError } from '../core/errors.ts';
import {
  element,
  ink,
  label,
  type Picture,
  pictureColours,
  shorten,
  softInk,
  svgDocument,
  textWidth,
  ticks,
} from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface IntervalRow {
  readonly name: string;
  readonly value: number;
  /** Ends of its interval; null where there is none. */
  readonly low: number | null;
  readonly high: number | null;
  /** Where chance alone would put it, drawn as a band behind. */
  readonly chance?: { readonly low: number; readonly high: number };
  /** Drawn hollow: shown for comparison. */
  readonly minor?: boolean;
}

export interface IntervalPictureOptions {
  /** What the values are. */
  readonly xLabel: string;
  /** Ends of the axis; default what the rows need. */
  readonly range?: readonly [number, number];
  /** A line through all rows, such as 0 for differences. */
  readonly reference?: number;
  /** Values as text; default three decimals. */
  readonly format?: (value: number) => string;
}

const accent = '#0072b2';
const rowHeight = 30;
const plotWidth = 380;

/**
 * Draws rows of values with intervals.
 * @throws {ParameterError} for no rows, or a value that is not finite
 */
export function intervalPicture(rows: readonly IntervalRow[], options: IntervalPictureOptions): Picture {
  if (rows.length === 0 || rows.some(({ value }) => !Number.isFinite(value))) {
    throw new ParameterError('A picture of intervals needs at least one row, and finite values.');
  }
  const { xLabel, reference, format = (value) => value.toFixed(3) } = options;
  const ends = rows.flatMap(({ value, low, high, chance }) => [
    value,
    ...(low === null ? [] : [low]),
    ...(high === null ? [] : [high]),
    ...(chance === undefined ? [] : [chance.low, chance.high]),
  ]);
  if (reference !== undefined) ends.push(reference);
  const [from, to] = options.range ?? padded(Math.min(...ends), Math.max(...ends));
  const names = rows.map(({ name }) => shorten(name, 52));
  const left = 24 + Math.max(...names.map((name) => textWidth(name, 12)));
  const top = rows.some(({ chance }) => chance !== undefined) ? 34 : 12;
  const bottom = top + rows.length * rowHeight;
  const width = left + plotWidth + 84;
  const x = (value: number) =>
    left + (plotWidth * (Math.min(to, Math.max(from, value)) - from)) / (to - from);
  const parts: string[] = [];
  if (top > 12) {
    parts.push(
      element('rect', { x: left, y: 8, width: 26, height: 12, fill: softInk, 'fill-opacity': 0.28 }),
      label(left + 34, 14, 'what chance gives (95 % of exchanged labels)', { size: 11, fill: softInk }),
    );
  }
  const steps = ticks(from, to, 6);
  const digits = Math.max(0, ...steps.map((step) => (String(step).split('.')[1] ?? '').length));
  for (const at of steps) {
    parts.push(
      element('path', { d: `M${x(at).toFixed(2)} ${top}V${bottom}`, stroke: pictureColours.line }),
      label(x(at), bottom + 14, at.toFixed(digits), { anchor: 'middle', size: 11, fill: softInk }),
    );
  }
  if (reference !== undefined && reference >= from && reference <= to) {
    const d = `M${x(reference).toFixed(2)} ${top}V${bottom}`;
    parts.push(element('path', { d, stroke: ink, 'stroke-dasharray': '4 3' }));
  }
  rows.forEach((row, i) => {
    const y = top + (i + 0.5) * rowHeight;
    if (row.chance !== undefined) {
      const { low, high } = row.chance;
      parts.push(
        element('rect', {
          ...{ x: x(low), y: y - 10, width: Math.max(1, x(high) - x(low)), height: 20 },
          ...{ fill: softInk, 'fill-opacity': 0.28 },
        }),
      );
    }
    if (row.low !== null && row.high !== null) {
      const d = `M${x(row.low).toFixed(2)} ${y}H${x(row.high).toFixed(2)}`;
      parts.push(element('path', { d, stroke: accent, 'stroke-width': 2.5 }));
    }
    const hollow = row.minor ? { fill: '#ffffff', stroke: accent, 'stroke-width': 2 } : { fill: accent };
    parts.push(
      element('circle', { cx: x(row.value), cy: y, r: 5, ...hollow }),
      label(left - 12, y, names[i]!, { anchor: 'end' }),
      label(left + plotWidth + 12, y, format(row.value), { size: 12 }),
    );
  });
  parts.push(
    element('path', { d: `M${left} ${bottom}H${left + plotWidth}`, stroke: softInk }),
    label(left + plotWidth / 2, bottom + 34, xLabel, { anchor: 'middle', fill: softInk }),
  );
  const svg = svgDocument(width, bottom + 48, ...parts);
  return { svg, png: svgToPng(svg) };
}

function padded(low: number, high: number): [number, number] {
  const span = high - low || Math.max(1, Math.abs(high));
  return [low - 0.04 * span, high + 0.04 * span];
}
