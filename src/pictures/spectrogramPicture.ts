/** @file A log-mel spectrogram as a picture for people: seconds across, mel-spaced hertz up, decibels as colour. */
import { ParameterError } from '../core/errors.ts';
import { type LogMel, type LogMelSpec, logMel } from '../features/index.ts';
import { type ColourMapName, colourTable } from './colourMap.ts';
import { encodePng } from './encodePng.ts';
import { type Area, frame, frequencyAxis, heatMap, image, timeAxis, timeSpan } from './spectrogramParts.ts';
import { element, ink, label, type Picture, shorten, softInk, svgDocument, textWidth, ticks } from './svg.ts';
import { svgToPng } from './svgToPng.ts';

export interface SpectrogramPictureOptions {
  /** Above the picture, such as the file's name. */
  title?: string;
  /** Of the whole drawing in SVG units, ≥ 320 and ≥ 200. Default 960 × 420; the PNG has twice as many pixels. */
  width?: number;
  height?: number;
  /** Default magma. */
  colourMap?: ColourMapName;
  /** Decibels shown below the loudest value, > 0. Default spec.topDb, or 80. */
  rangeDb?: number;
  /** Time of the first sample in seconds, for a part of a recording. Default 0. */
  startSeconds?: number;
  /** How long the sound lasts, which its frames tell only to a hop. */
  seconds?: number;
}

const margin = { top: 48, right: 112, bottom: 56, left: 84 };

/**
 * Draws a spectrogram. Decibels are shown relative to the loudest value; values that are not finite in grey.
 * @param source mono samples at spec.sampleRate, or what {@link logMel} made of them with `spec`
 * @throws {ParameterError} for an empty signal, sizes out of range, or a log-mel that does not fit the spec
 */
export function spectrogramPicture(
  source: Float32Array | LogMel,
  spec: LogMelSpec,
  options: SpectrogramPictureOptions = {},
): Picture {
  const { width = 960, height = 420, startSeconds = 0, colourMap = 'magma' } = options;
  const rangeDb = options.rangeDb ?? spec.topDb ?? 80;
  if (!(width >= 320 && height >= 200)) {
    throw new ParameterError(
      `A spectrogram picture needs at least 320 × 200 units, got ${width} × ${height}.`,
    );
  }
  if (!(rangeDb > 0)) throw new ParameterError(`rangeDb must be > 0, got ${rangeDb}.`);
  const features = source instanceof Float32Array ? logMel(source, spec) : source;
  if (features.nMels !== spec.nMels || features.data.length !== features.nMels * features.nFrames) {
    throw new ParameterError(
      `The log-mel of ${features.nMels} × ${features.nFrames} values does not fit a spec of ${spec.nMels} mels.`,
    );
  }
  const area = {
    x: margin.left,
    y: options.title === undefined ? 20 : margin.top,
    width: width - margin.left - margin.right,
    height: height - (options.title === undefined ? 20 : margin.top) - margin.bottom,
  };
  const span = timeSpan(features.nFrames, spec, startSeconds, options.seconds);
  const svg = svgDocument(
    width,
    height,
    options.title === undefined ? '' : title(options.title, area),
    heatMap(features, span, area, rangeDb, colourMap),
    timeAxis(span, area),
    frequencyAxis(spec, area),
    colourBar(area, rangeDb, colourMap),
  );
  return { svg, png: svgToPng(svg) };
}

function title(text: string, area: Area): string {
  const size = 15;
  return label(area.x, 24, shorten(text, Math.floor(area.width / (size * 0.62))), { size, weight: 'bold' });
}

function colourBar(area: Area, rangeDb: number, map: ColourMapName): string {
  const table = colourTable(map);
  const pixels = new Uint8Array(768);
  for (let i = 0; i < 256; i++) pixels.set(table.subarray(3 * (255 - i), 3 * (256 - i)), 3 * i);
  const bar = { x: area.x + area.width + 18, y: area.y, width: 14, height: area.height };
  const parts = [image(bar, encodePng({ width: 1, height: 256, data: pixels })), frame(bar)];
  let widest = 0;
  for (const value of ticks(-rangeDb, 0, area.height / 45)) {
    const y = bar.y - (value / rangeDb) * bar.height;
    const text = value.toString().replace('-', '−');
    widest = Math.max(widest, textWidth(text, 12));
    parts.push(
      element('path', { d: `M${bar.x + bar.width} ${y.toFixed(2)}h5`, stroke: ink }),
      label(bar.x + bar.width + 8, y, text),
    );
  }
  parts.push(
    label(bar.x + bar.width + 26 + widest, bar.y + bar.height / 2, 'Level (dB relative to the loudest)', {
      anchor: 'middle',
      size: 13,
      fill: softInk,
      rotate: -90,
    }),
  );
  return parts.join('');
}
