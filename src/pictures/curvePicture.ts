/** @file Curves over epochs or steps, such as losses and accuracies: one panel beside the other. */
import * as Plot from '@observablehq/plot';
import { ParameterError } from '../core/errors.ts';
import { plotSvg } from './plotSvg.ts';
import { element, label, type Picture, pictureColours, softInk, svgDocument, textWidth } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface CurveSeries {
  name: string;
  /** Values; null or not finite leaves a gap. */
  y: readonly (number | null)[];
  /** Positions, as many as values. Default 1, 2, 3 … */
  x?: readonly number[];
  /** Drawn dashed, for instance validation beside training. */
  dashed?: boolean;
  /** As many as values, drawn as a band behind the curve; an interval that is absent or has no ends leaves a gap. */
  intervals?: readonly ({ readonly low: number | null; readonly high: number | null } | undefined)[];
}

export interface CurvePanel {
  /** What the values are, such as `Loss` or `Accuracy`. */
  yLabel: string;
  series: readonly CurveSeries[];
  /** Ends of the vertical axis. Default: what the values need. */
  yRange?: readonly [number, number];
  /** Logarithmic vertical axis; values ≤ 0 become gaps. Default false. */
  logarithmic?: boolean;
}

export interface CurvePictureOptions {
  title?: string;
  /** Default `Epoch`. */
  xLabel?: string;
}

/** Okabe and Ito's colours (2008), told apart without red-green vision; black and yellow left out. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];
const panelWidth = 460;
const panelHeight = 300;

/**
 * Draws panels of curves. A name has the same colour in every panel.
 * @throws {ParameterError} for no panels or series, positions or intervals that do not fit the values, or no finite value
 *   at all
 * @example
 * curvePicture([{ yLabel: 'Loss', series: [{ name: 'training', y: [2.1, 1.4] }, { name: 'validation', y: [2.0, 1.6] }] }]);
 */
export function curvePicture(panels: readonly CurvePanel[], options: CurvePictureOptions = {}): Picture {
  check(panels);
  const names = [...new Set(panels.flatMap((panel) => panel.series.map((s) => s.name)))];
  const colourOfName = (name: string) => colours[names.indexOf(name) % colours.length];
  const top = options.title === undefined ? 12 : 44;
  const legendTop = top;
  const width = panels.length * panelWidth + 20;
  const legend = drawLegend(panels, names, colourOfName, legendTop + 10, width);
  const plotTop = legendTop + legend.height;
  const drawn = panels.map((panel, i) => {
    const svg = drawPanel(panel, options.xLabel ?? 'Epoch', colourOfName);
    return svg.replace('<svg ', `<svg x="${i * panelWidth + 8}" y="${plotTop}" `);
  });
  const svg = svgDocument(
    width,
    plotTop + panelHeight + 8,
    options.title === undefined ? '' : label(20, 24, options.title, { size: 15, weight: 'bold' }),
    legend.svg,
    ...drawn,
  );
  return { svg, png: svgToPng(svg) };
}

function bandOf({ x, intervals = [] }: CurveSeries): { x: number; low: number; high: number }[] {
  return intervals.map((interval, i) => ({
    x: x?.[i] ?? i + 1,
    low: interval?.low ?? Number.NaN,
    high: interval?.high ?? Number.NaN,
  }));
}

function pointsOf(series: CurveSeries, logarithmic: boolean): { x: number; y: number }[] {
  return series.y.map((value, i) => ({
    x: series.x?.[i] ?? i + 1,
    y: value === null || !Number.isFinite(value) || (logarithmic && value <= 0) ? Number.NaN : value,
  }));
}

function drawPanel(panel: CurvePanel, xLabel: string, colourOfName: (name: string) => string): string {
  const logarithmic = panel.logarithmic ?? false;
  const lines = panel.series.map((series) => ({ series, points: pointsOf(series, logarithmic) }));
  const xs = lines.flatMap(({ points }) => points.map((p) => p.x));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const whole = xs.every(Number.isInteger);
  const dots = Math.max(...lines.map(({ points }) => points.length)) <= 40;
  return plotSvg({
    width: panelWidth - 16,
    height: panelHeight,
    marginLeft: 62,
    marginBottom: 46,
    marginTop: 14,
    marginRight: 16,
    style: { fontSize: '12px', background: '#ffffff' },
    x: {
      label: xLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      domain: low === high ? [low - 1, high + 1] : [low, high],
      inset: 6,
      ...(whole ? { tickFormat: (v: number) => (Number.isInteger(v) ? String(v) : '') } : {}),
      ticks: whole ? Math.min(8, Math.max(1, high - low)) : 8,
    },
    y: {
      label: panel.yLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      grid: true,
      type: logarithmic ? 'log' : 'linear',
      nice: true,
      ticks: 6,
      // Only the decades of a logarithmic axis are named: 0.01, 0.1, 1.
      ...(logarithmic ? { tickFormat: decade } : {}),
      ...(panel.yRange === undefined ? {} : { domain: [...panel.yRange] }),
      zero: false,
    },
    marks: [
      Plot.frame({ stroke: pictureColours.line }),
      ...panel.series
        .filter(({ intervals }) => intervals !== undefined)
        .map((series) =>
          Plot.areaY(bandOf(series), {
            ...{ x: 'x', y1: 'low', y2: 'high' },
            ...{ fill: colourOfName(series.name), fillOpacity: 0.15 },
          }),
        ),
      ...lines.flatMap(({ series, points }) => {
        const stroke = colourOfName(series.name);
        const line = Plot.line(points, {
          x: 'x',
          y: 'y',
          stroke,
          strokeWidth: 2,
          ...(series.dashed ? { strokeDasharray: '6 4' } : {}),
        });
        const finite = points.filter((p) => Number.isFinite(p.y));
        return dots ? [line, Plot.dot(finite, { x: 'x', y: 'y', fill: stroke, r: 2.6 })] : [line];
      }),
    ],
  });
}

function decade(value: number): string {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? String(Number(value.toPrecision(3))) : '';
}

function drawLegend(
  panels: readonly CurvePanel[],
  names: readonly string[],
  colourOfName: (name: string) => string,
  top: number,
  width: number,
): { svg: string; height: number } {
  let x = 20;
  let y = top;
  const parts = names.map((name) => {
    const dashed = panels.some((p) => p.series.some((s) => s.name === name && s.dashed));
    const needed = 44 + textWidth(name, 12);
    if (x + needed > width && x > 20) {
      x = 20;
      y += 20;
    }
    const line = element('path', {
      d: `M${x} ${y}h24`,
      stroke: colourOfName(name),
      'stroke-width': 2.5,
      'stroke-dasharray': dashed ? '6 4' : undefined,
    });
    const text = label(x + 30, y, name, { fill: softInk });
    x += needed + 16;
    return line + text;
  });
  return { svg: parts.join(''), height: y - top + 26 };
}

function check(panels: readonly CurvePanel[]): void {
  if (panels.length === 0 || panels.some((panel) => panel.series.length === 0)) {
    throw new ParameterError(
      'A picture of curves needs at least one panel, and each panel at least one series.',
    );
  }
  for (const series of panels.flatMap((panel) => panel.series)) {
    if (series.intervals !== undefined && series.intervals.length !== series.y.length) {
      throw new ParameterError(
        `Series "${series.name}" has ${series.y.length} values and ${series.intervals.length} intervals: the counts must be equal.`,
      );
    }
    if (series.x !== undefined && series.x.length !== series.y.length) {
      throw new ParameterError(
        `Series "${series.name}" has ${series.y.length} values at ${series.x.length} positions: the counts must be equal.`,
      );
    }
  }
  for (const panel of panels) {
    if (
      !panel.series.some((s) => pointsOf(s, panel.logarithmic ?? false).some((p) => Number.isFinite(p.y)))
    ) {
      throw new ParameterError(`Panel "${panel.yLabel}" has no finite value to draw.`);
    }
  }
}
