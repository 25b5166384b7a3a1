/** @file A log-mel spectrogram as a picture for people: seconds across, mel-spaced hertz up, decibels as colour. */
import { ParameterError } from '../core/errors.ts';
import { hzToMel, type LogMel, type LogMelSpec, logMel } from '../features/index.ts';
import { type ColourMapName, colourTable } from './colourMap.ts';
import { encodePng } from './encodePng.ts';
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
  const svg = svgDocument(
    width,
    height,
    options.title === undefined ? '' : title(options.title, area),
    heatMap(features, area, rangeDb, colourMap),
    timeAxis(features.nFrames, spec, startSeconds, area),
    frequencyAxis(spec, area),
    colourBar(area, rangeDb, colourMap),
  );
  return { svg, png: svgToPng(svg) };
}

interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

function title(text: string, area: Area): string {
  const size = 15;
  return label(area.x, 24, shorten(text, Math.floor(area.width / (size * 0.62))), { size, weight: 'bold' });
}

function frame({ x, y, width, height }: Area): string {
  return element('rect', { x, y, width, height, fill: 'none', stroke: ink, 'stroke-width': 1 });
}

function image(area: Area, png: Uint8Array): string {
  return element('image', {
    ...area,
    preserveAspectRatio: 'none',
    'image-rendering': 'optimizeSpeed',
    href: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
  });
}

function heatMap(features: LogMel, area: Area, rangeDb: number, map: ColourMapName): string {
  const { data, nMels, nFrames } = features;
  // Long recordings: the loudest frame of each column, so that short events stay visible.
  const columns = Math.min(nFrames, Math.round(2 * area.width));
  let loudest = Number.NEGATIVE_INFINITY;
  for (const v of data) if (Number.isFinite(v) && v > loudest) loudest = v;
  const table = colourTable(map);
  const pixels = new Uint8Array(columns * nMels * 3);
  for (let m = 0; m < nMels; m++) {
    for (let c = 0; c < columns; c++) {
      let value = Number.NEGATIVE_INFINITY;
      for (let t = Math.floor((c * nFrames) / columns); t < Math.floor(((c + 1) * nFrames) / columns); t++) {
        const v = data[m * nFrames + t]!;
        if (!(v <= value)) value = v;
      }
      const at = 3 * ((nMels - 1 - m) * columns + c);
      if (!Number.isFinite(value)) {
        pixels.fill(128, at, at + 3);
        continue;
      }
      const share = Math.min(1, Math.max(0, 1 + (value - loudest) / rangeDb));
      const i = 3 * Math.round(255 * share);
      pixels.set(table.subarray(i, i + 3), at);
    }
  }
  return image(area, encodePng({ width: columns, height: nMels, data: pixels })) + frame(area);
}

function timeAxis(nFrames: number, spec: LogMelSpec, startSeconds: number, area: Area): string {
  // Frame t stands for the hop about its middle.
  const hop = spec.hopLength / spec.sampleRate;
  const firstMiddle = startSeconds + (spec.center ? 0 : spec.nFft / 2 / spec.sampleRate);
  const low = firstMiddle - hop / 2;
  const high = low + nFrames * hop;
  const position = (seconds: number) => area.x + ((seconds - low) / (high - low)) * area.width;
  const bottom = area.y + area.height;
  const parts = ticks(Math.max(low, startSeconds), high, area.width / 90).map((seconds) => {
    const x = position(seconds);
    return (
      element('path', { d: `M${x.toFixed(2)} ${bottom}v5`, stroke: ink }) +
      label(x, bottom + 15, seconds.toString(), { anchor: 'middle' })
    );
  });
  parts.push(
    label(area.x + area.width / 2, bottom + 38, 'Time (s)', { anchor: 'middle', size: 13, fill: softInk }),
  );
  return parts.join('');
}

/** Ticks worth having, best first: a tick too near one already placed is left out. */
const wantedHz = [
  [1000, 100, 10_000, 500, 2000, 5000, 200, 20_000, 3000, 4000, 7000, 15_000, 300, 1500],
  [8000, 6000, 12_000, 50, 400, 700, 30_000, 40_000, 60_000, 80_000],
].flat();

function frequencyAxis(spec: LogMelSpec, area: Area): string {
  const low = hzToMel(spec.fMin, spec.melScale);
  const high = hzToMel(spec.fMax, spec.melScale);
  // Filter m peaks at step m + 1 of nMels + 1, and its row's middle is at m + ½ of nMels.
  const position = (hz: number) => {
    const row = ((hzToMel(hz, spec.melScale) - low) / (high - low)) * (spec.nMels + 1) - 0.5;
    return area.y + area.height * (1 - row / spec.nMels);
  };
  const placed: { hz: number; y: number }[] = [];
  const spare = [spec.fMin, spec.fMax].map((hz) => Math.round(hz));
  for (const hz of [...wantedHz, ...(spec.fMax - spec.fMin < 200 ? spare : [])]) {
    const y = position(hz);
    const inside = y >= area.y - 0.5 && y <= area.y + area.height + 0.5;
    if (inside && placed.every((p) => Math.abs(p.y - y) >= 20)) placed.push({ hz, y });
  }
  const parts = placed.map(({ hz, y }) => {
    const text = hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`;
    return (
      element('path', { d: `M${area.x} ${y.toFixed(2)}h-5`, stroke: ink }) +
      label(area.x - 9, y, text, { anchor: 'end' })
    );
  });
  parts.push(
    label(18, area.y + area.height / 2, 'Frequency (mel scale)', {
      anchor: 'middle',
      size: 13,
      fill: softInk,
      rotate: -90,
    }),
  );
  return parts.join('');
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
