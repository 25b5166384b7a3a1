/** @file ROC and precision-recall curve of one class in one small square, to stand beside those of other classes. */
import * as Plot from '@observablehq/plot';
import { ParameterError } from '../core/errors.ts';
import { plotSvg } from './plotSvg.ts';
import { pictureColours } from './svg.ts';

/** A curve in the unit square. */
export interface UnitCurve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

export interface ClassCurves {
  /** True positive rate over false positive rate. */
  readonly roc: UnitCurve;
  /** Precision over recall. */
  readonly precisionRecall: UnitCurve;
  /** Share of the class among all items: the precision of guessing, in [0, 1]. */
  readonly share: number;
}

/** Colours of the two curves, to be named in a text beside the pictures: blue and orange. */
const [rocColour, prColour] = ['#0072b2', '#d55e00'];

/**
 * Draws both curves as SVG of 220 × 200 units: ROC in blue, precision-recall in orange, and dashed what guessing gives.
 * @throws {ParameterError} for a curve whose x and y differ in number, or with a value outside [0, 1]
 */
export function classCurvesSvg({ roc, precisionRecall, share }: ClassCurves): string {
  const guess = { strokeWidth: 1, strokeDasharray: '3 3', strokeOpacity: 0.8 };
  const line = (points: [number, number][], stroke: string, options: object = {}) =>
    Plot.line(points, { x: '0', y: '1', stroke, strokeWidth: 2, ...options });
  const axis = { domain: [0, 1], ticks: [0, 0.5, 1], label: null, nice: false };
  return plotSvg({
    width: 220,
    height: 200,
    marginLeft: 32,
    marginRight: 10,
    marginTop: 8,
    marginBottom: 24,
    style: { fontSize: '13px', background: '#ffffff' },
    x: axis,
    y: { ...axis, grid: true },
    marks: [
      Plot.frame({ stroke: pictureColours.line }),
      line(
        [
          [0, 0],
          [1, 1],
        ],
        rocColour!,
        guess,
      ),
      line(
        [
          [0, share],
          [1, share],
        ],
        prColour!,
        guess,
      ),
      line(points(roc), rocColour!),
      line(points(precisionRecall), prColour!),
    ],
  });
}

/** At most some hundred points: more cannot be seen, and reports of many clips would grow large. */
function points({ x, y }: UnitCurve): [number, number][] {
  const most = 240;
  if (x.length !== y.length || x.length < 2) {
    throw new ParameterError(`A curve needs two points or more, got ${x.length} x and ${y.length} y.`);
  }
  const step = Math.max(1, Math.ceil(x.length / most));
  const list: [number, number][] = [];
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i], y[i]];
    if (!(a >= 0 && a <= 1 && b >= 0 && b <= 1)) {
      throw new ParameterError(`The points of this curve lie in the unit square, but one is (${a}, ${b}).`);
    }
    if (i % step === 0 || i === x.length - 1) list.push([a, b]);
  }
  return list;
}
