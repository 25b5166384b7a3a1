/** @file What pictures of spectrograms are made of: cells as pixels, and the axes about them. */
import { hzToMel, type LogMel, type LogMelSpec } from '../features/index.ts';
import { type ColourMapName, colourTable } from './colourMap.ts';
import { encodePng } from './encodePng.ts';
import { element, ink, label, softInk, ticks } from './svg.ts';

/** A rectangle in drawing units. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function frame({ x, y, width, height }: Area): string {
  return element('rect', { x, y, width, height, fill: 'none', stroke: ink, 'stroke-width': 1 });
}

/** Pixels stretched over an area. */
export function image(area: Area, png: Uint8Array): string {
  return element('image', {
    ...area,
    preserveAspectRatio: 'none',
    'image-rendering': 'optimizeSpeed',
    href: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
  });
}

/**
 * Values [nMels, nFrames] as a picture's: the top row first, and of long recordings the largest value of the frames that
 * share a column, so that short events stay visible.
 */
export function columnMaxima(
  { data, nMels, nFrames }: LogMel,
  area: Area,
): { readonly data: Float32Array; readonly columns: number } {
  const columns = Math.min(nFrames, Math.round(2 * area.width));
  const out = new Float32Array(nMels * columns);
  for (let m = 0; m < nMels; m++) {
    for (let c = 0; c < columns; c++) {
      let value = Number.NEGATIVE_INFINITY;
      for (let t = Math.floor((c * nFrames) / columns); t < Math.floor(((c + 1) * nFrames) / columns); t++) {
        const v = data[m * nFrames + t];
        if (!(v <= value)) value = v;
      }
      out[(nMels - 1 - m) * columns + c] = value;
    }
  }
  return { data: out, columns };
}

/** Where a picture's frames lie in time, and which of that is shown; seconds. */
export interface TimeSpan {
  /** Frames fill the time from `low` to `high`, each the hop about its middle. */
  readonly low: number;
  readonly high: number;
  /** Only time that the sound lasts: its first frame reaches half a hop in front of it. */
  readonly from: number;
  readonly to: number;
}

/**
 * The time of a spectrogram's frames.
 * @param start of the sound, in seconds
 * @param seconds that the sound lasts, where it is known
 */
export function timeSpan(nFrames: number, spec: LogMelSpec, start: number, seconds?: number): TimeSpan {
  const hop = spec.hopLength / spec.sampleRate;
  const low = start + (spec.center ? 0 : spec.nFft / 2 / spec.sampleRate) - hop / 2;
  const high = low + nFrames * hop;
  const end = seconds === undefined ? high : start + Math.max(seconds, hop / 2);
  return { low, high, from: Math.max(low, start), to: Math.min(high, end) };
}

/** An area of all frames, laid out so that the shown time fills `area`. */
function framesArea({ low, high, from, to }: TimeSpan, area: Area): Area {
  const perSecond = area.width / (to - from);
  return { ...area, x: area.x - (from - low) * perSecond, width: (high - low) * perSecond };
}

/** Pixels of all frames, of which the shown time fills the area. */
export function framesImage(span: TimeSpan, area: Area, png: Uint8Array): string {
  const { x, y, width, height } = area;
  const view = { x, y, width, height, viewBox: `${x} ${y} ${width} ${height}`, overflow: 'hidden' };
  return element('svg', view, image(framesArea(span, area), png));
}

/** Decibels as colours, relative to the loudest; what is not finite in grey. */
export function heatMap(
  features: LogMel,
  span: TimeSpan,
  area: Area,
  rangeDb: number,
  map: ColourMapName,
): string {
  const { nMels } = features;
  let loudest = Number.NEGATIVE_INFINITY;
  for (const v of features.data) if (Number.isFinite(v) && v > loudest) loudest = v;
  const { data, columns } = columnMaxima(features, area);
  const table = colourTable(map);
  const pixels = new Uint8Array(columns * nMels * 3);
  data.forEach((value, at) => {
    if (!Number.isFinite(value)) {
      pixels.fill(128, 3 * at, 3 * at + 3);
      return;
    }
    const share = Math.min(1, Math.max(0, 1 + (value - loudest) / rangeDb));
    const i = 3 * Math.round(255 * share);
    pixels.set(table.subarray(i, i + 3), 3 * at);
  });
  return framesImage(span, area, encodePng({ width: columns, height: nMels, data: pixels })) + frame(area);
}

/** Seconds below an area of frames. */
export function timeAxis({ from, to }: TimeSpan, area: Area): string {
  const position = (seconds: number) => area.x + ((seconds - from) / (to - from)) * area.width;
  const bottom = area.y + area.height;
  const parts = ticks(from, to, area.width / 90).map((seconds) => {
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

/** Hertz left of an area of mel bands. */
export function frequencyAxis(spec: LogMelSpec, area: Area): string {
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
