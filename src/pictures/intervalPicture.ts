/** @file Values with intervals, one row each, such as the accuracies of several approaches side by side. */
import { ParameterError } from '../core/errors.ts';
import {
  element,
  label,
  type Picture,
  pictureColours,
  shorten,
  svgDocument,
  textWidth,
  ticks,
} from './svg.ts';
import { svgToPng } from './svgToPng.ts';

/** A value and how far it may lie off. */
export interface IntervalMark {
  readonly value: number;
  /** Null where nothing is known of the spread. */
  readonly low: number | null;
  readonly high: number | null;
}

export interface IntervalRow {
  readonly name: string;
  readonly main: IntervalMark;
  /** Single values beside it, such as one per seed: small ticks. */
  readonly singles?: readonly number[];
  /** Another value of the same row, drawn hollow; the legend says what it is. */
  readonly other?: IntervalMark;
  /** Where chance alone would put the value: a band behind. */
  readonly chance?: { readonly low: number; readonly high: number };
}

export interface IntervalPictureOptions {
  /** What the values are, such as `Accuracy`. */
  readonly xLabel: string;
  /** What the filled, the small and the hollow marks are; those that occur get a legend. */
  readonly legend: {
    readonly main: string;
    readonly singles?: string;
    readonly other?: string;
    readonly chance?: string;
  };
  /** Ends of the axis; default what the marks need. */
  readonly range?: readonly [number, number];
  /** A dashed line through all rows, such as 0 for differences. */
  readonly reference?: number;
  /** Writes each value behind its row. */
  readonly format?: (value: number) => string;
}

const [blue, orange] = ['#0072b2', '#d55e00'];
const width = 720;
const rowHeight = 34;
/** Characters of a name. */
const longest = 48;

/**
 * Draws a dot with its interval per row, the first row on top.
 * @throws {ParameterError} for no rows, or a value that is not finite
 */
export function intervalPicture(rows: readonly IntervalRow[], options: IntervalPictureOptions): Picture {
  const marks = rows.flatMap(({ main, other }) => (other === undefined ? [main] : [main, other]));
  const values = [
    ...marks.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]),
    ...rows.flatMap(({ singles = [] }) => singles),
    ...rows.flatMap(({ chance }) => (chance === undefined ? [] : [chance.low, chance.high])),
    ...(options.reference === undefined ? [] : [options.reference]),
  ];
  if (rows.length === 0 || !values.every(Number.isFinite)) {
    throw new ParameterError('A picture of intervals needs at least one row, and finite values.');
  }
  const [least, most] = options.range ?? padded(Math.min(...values), Math.max(...values));
  const { format, reference } = options;
  const left = 24 + Math.max(...rows.map(({ name }) => textWidth(shorten(name, longest), nameSize(name))));
  const right = width - (format === undefined ? 24 : 72);
  const x = (value: number) => left + ((value - least) / (most - least)) * (right - left);
  const top = 40;
  const bottom = top + rows.length * rowHeight;
  const grid = ticks(least, most, 8).flatMap((value) => [
    element('path', { d: `M${x(value).toFixed(1)} ${top - 6}V${bottom + 4}`, stroke: pictureColours.line }),
    label(x(value), bottom + 18, Number(value.toPrecision(6)).toString(), {
      anchor: 'middle',
      fill: pictureColours.softInk,
    }),
  ]);
  if (reference !== undefined) {
    const d = `M${x(reference).toFixed(1)} ${top - 6}V${bottom + 4}`;
    grid.push(element('path', { d, stroke: pictureColours.softInk, 'stroke-dasharray': '4 3' }));
  }
  const drawn = rows.flatMap(({ name, main, singles = [], other, chance }, i) => {
    const y = top + (i + 0.5) * rowHeight;
    return [
      label(left - 14, y, shorten(name, longest), { size: nameSize(name), anchor: 'end' }),
      ...(chance === undefined ? [] : [band(x(chance.low), x(chance.high), y)]),
      ...(format === undefined ? [] : [label(right + 12, y, format(main.value))]),
      ...(other === undefined ? [] : [drawMark(other, x, y + 7, orange!, true)]),
      ...singles.map((value) => tick(x(value), y, blue!)),
      drawMark(main, x, y, blue!, false),
    ];
  });
  const svg = svgDocument(
    width,
    bottom + 52,
    drawLegend(rows, options),
    ...grid,
    ...drawn,
    label((left + right) / 2, bottom + 40, options.xLabel, { anchor: 'middle' }),
  );
  return { svg, png: svgToPng(svg) };
}

function padded(low: number, high: number): [number, number] {
  const room = Math.max(0.02 * Math.abs(high), 0.06 * (high - low), 1e-6);
  return [low - room, high + room];
}

function drawMark(
  { value, low, high }: IntervalMark,
  x: (value: number) => number,
  y: number,
  colour: string,
  hollow: boolean,
): string {
  const at = (v: number) => x(v).toFixed(1);
  const whisker =
    low === null || high === null
      ? ''
      : element('path', {
          d: `M${at(low)} ${y}H${at(high)}M${at(low)} ${y - 4}v8M${at(high)} ${y - 4}v8`,
          stroke: colour,
          'stroke-width': 2,
          'stroke-dasharray': undefined,
          fill: 'none',
        });
  const dot = element('circle', {
    cx: x(value),
    cy: y,
    r: 5,
    fill: hollow ? '#ffffff' : colour,
    ...(hollow ? { class: 'paper' } : {}),
    stroke: colour,
    'stroke-width': 2,
  });
  return whisker + dot;
}

/** Long names are written smaller. */
function nameSize(name: string): number {
  return Array.from(name).length > 28 ? 11 : 13;
}

function band(from: number, to: number, y: number): string {
  const size = { x: from, y: y - 10, width: Math.max(1, to - from), height: 20 };
  return element('rect', { ...size, fill: pictureColours.softInk, 'fill-opacity': 0.28 });
}

function tick(x: number, y: number, colour: string): string {
  return element('path', {
    d: `M${x.toFixed(1)} ${y - 9}v18`,
    stroke: colour,
    'stroke-width': 1.5,
    'stroke-opacity': 0.6,
  });
}

function drawLegend(rows: readonly IntervalRow[], { legend }: IntervalPictureOptions): string {
  const flat = (position: number) => position;
  const none = { low: null, high: null };
  const parts: [text: string | undefined, occurs: boolean, draw: (x: number) => string][] = [
    [legend.main, true, (x) => drawMark({ value: x, ...none }, flat, 16, blue!, false)],
    [legend.singles, rows.some(({ singles = [] }) => singles.length > 0), (x) => tick(x, 16, blue!)],
    [
      legend.other,
      rows.some(({ other }) => other !== undefined),
      (x) => drawMark({ value: x, ...none }, flat, 16, orange!, true),
    ],
    [legend.chance, rows.some(({ chance }) => chance !== undefined), (x) => band(x - 8, x + 6, 16)],
  ];
  let x = 24;
  return parts
    .filter(([text, occurs]) => text !== undefined && occurs)
    .map(([text, , draw]) => {
      const svg = draw(x) + label(x + 12, 16, text!, { fill: pictureColours.softInk });
      x += 12 + textWidth(text!, 12) + 28;
      return svg;
    })
    .join('');
}
