/** @file A spectrogram beside the same with what speaks for a class laid over it. */
import { ShapeError } from '../core/errors.ts';
import type { LogMel, LogMelSpec } from '../features/index.ts';
import { encodePng } from './encodePng.ts';
import {
  type Area,
  columnMaxima,
  frame,
  framesImage,
  frequencyAxis,
  heatMap,
  timeAxis,
  timeSpan,
} from './spectrogramParts.ts';
import { element, label, type Picture, shorten, softInk, svgDocument } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface SaliencyPictureOptions {
  /** Above the spectrogram, such as the file's name. */
  title: string;
  /** Above the overlay, such as the class and its probability. */
  subtitle: string;
  /** Time of the first sample, for a part of a recording. Default 0. */
  startSeconds?: number;
  /** How long the sound lasts. */
  seconds?: number;
  /** Decibels shown below the loudest value. Default 80. */
  rangeDb?: number;
}

const panel = { width: 400, height: 230 };
const margin = { top: 40, left: 78, between: 28, right: 12, bottom: 52 };

/** Laid over the spectrogram, the more opaque the more salient: Okabe and Ito's vermilion. */
const overlay = [213, 94, 0] as const;

/**
 * Draws both, 918 × 322 units. On the right louder is darker, and what is salient is covered in orange.
 * @param saliency in [0, 1], row-major as `features`
 * @throws {ShapeError} where the two differ in size
 */
export function saliencyPicture(
  features: LogMel,
  spec: LogMelSpec,
  saliency: Float32Array,
  { title, subtitle, rangeDb = 80, startSeconds = 0, seconds }: SaliencyPictureOptions,
): Picture {
  if (saliency.length !== features.data.length) {
    throw new ShapeError(
      `The saliency has ${saliency.length} values, the spectrogram ${features.data.length}: one is needed for each.`,
    );
  }
  const left: Area = { x: margin.left, y: margin.top, ...panel };
  const right: Area = { ...left, x: left.x + panel.width + margin.between };
  const span = timeSpan(features.nFrames, spec, startSeconds, seconds);
  const heading = (text: string, { x }: Area) =>
    label(x, 20, shorten(text, Math.floor(panel.width / 8.2)), { size: 13, weight: 'bold' });
  const svg = svgDocument(
    right.x + panel.width + margin.right,
    margin.top + panel.height + margin.bottom,
    heading(title, left),
    heading(subtitle, right),
    heatMap(features, span, left, rangeDb, 'magma'),
    timeAxis(span, left),
    frequencyAxis(spec, left),
    heatMap(features, span, right, rangeDb, 'grey'),
    // A veil, so that the overlay is told from loud places.
    element('rect', { ...right, fill: '#fffffe', 'fill-opacity': 0.4 }),
    framesImage(span, right, overlayPng({ ...features, data: saliency }, right)),
    frame(right),
    timeAxis(span, right),
    label(right.x + panel.width, margin.top + panel.height + 38, 'orange: speaks for the class', {
      anchor: 'end',
      size: 11,
      fill: softInk,
    }),
  );
  return { svg, png: svgToPng(svg) };
}

function overlayPng(saliency: LogMel, area: Area): Uint8Array {
  const { data, columns } = columnMaxima(saliency, area);
  const pixels = new Uint8Array(data.length * 4);
  data.forEach((value, i) => {
    pixels.set(overlay, 4 * i);
    pixels[4 * i + 3] = Math.round(225 * Math.min(1, Math.max(0, value)));
  });
  return encodePng({ width: columns, height: saliency.nMels, data: pixels });
}
