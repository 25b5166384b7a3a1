/** @file The reliability diagram: how often a classifier is right when it is so sure, and how often it is so sure. */
import * as Plot from '@observablehq/plot';
import { ParameterError } from '../core/errors.ts';
import { plotSvg } from './plotSvg.ts';
import { type Picture, pictureColours, svgDocument } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

/** Items whose confidence lies in (low, high]. */
export interface ConfidenceBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence and share decided correctly, in [0, 1]; null in an empty bin. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

const size = { width: 460, height: 360 };
const [blue, orange] = ['#0072b2', '#d55e00'];

/**
 * Draws the bins (DeGroot and Fienberg 1983; Niculescu-Mizil and Caruana 2005): above, accuracy as a bar with a tick at
 * the bin's mean confidence (on the dashed diagonal both would be equal); below, the share of items in each bin.
 * @throws {ParameterError} when no bin holds an item
 */
export function reliabilityPicture(bins: readonly ConfidenceBin[]): Picture {
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  if (!(total > 0)) throw new ParameterError('A reliability diagram needs at least one item.');
  const filled = bins.filter((bin) => bin.count > 0);
  const frame = {
    width: size.width,
    marginLeft: 62,
    marginRight: 16,
    style: { fontSize: '12px', background: '#ffffff' },
  };
  const x = { domain: [0, 1], ticks: 5, labelAnchor: 'center', labelArrow: 'none' } as const;
  const y = { labelAnchor: 'center', labelArrow: 'none', grid: true } as const;
  const inset = { insetLeft: 1, insetRight: 1 };
  const upper = plotSvg({
    ...frame,
    height: 250,
    marginTop: 12,
    marginBottom: 22,
    x: { ...x, label: null },
    y: { ...y, domain: [0, 1], label: 'Share that is right', ticks: 5 },
    marks: [
      Plot.frame({ stroke: pictureColours.line }),
      Plot.rect(filled, {
        x1: 'low',
        x2: 'high',
        y1: 0,
        y2: 'accuracy',
        fill: blue,
        fillOpacity: 0.85,
        ...inset,
      }),
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: pictureColours.softInk, strokeDasharray: '4 4' },
      ),
      Plot.ruleY(filled, {
        x1: 'low',
        x2: 'high',
        y: 'confidence',
        stroke: orange,
        strokeWidth: 3,
        ...inset,
      }),
    ],
  });
  const lower = plotSvg({
    ...frame,
    height: 110,
    marginTop: 10,
    marginBottom: 42,
    x: { ...x, label: 'Confidence (probability of the predicted class)' },
    y: { ...y, label: 'Clips', ticks: 3, tickFormat: '.0%', nice: true },
    marks: [
      Plot.rect(filled, {
        x1: 'low',
        x2: 'high',
        y1: 0,
        y2: (bin: ConfidenceBin) => bin.count / total,
        fill: pictureColours.softInk,
        ...inset,
      }),
      Plot.ruleY([0], { stroke: pictureColours.line }),
    ],
  });
  const svg = svgDocument(
    size.width,
    size.height,
    upper.replace('<svg ', '<svg x="0" y="0" '),
    lower.replace('<svg ', '<svg x="0" y="250" '),
  );
  return { svg, png: svgToPng(svg) };
}
