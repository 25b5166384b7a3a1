/** @file Training curves as pictures: loss over epochs, and accuracy over epochs. */
import { round, svgElement } from './confusionSvg.ts';
import type { Palette } from './palette.ts';
import { escapeHtml } from './renderHtml.ts';
import type { EpochRecord } from './runReport.ts';

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly dashed: boolean;
  readonly values: readonly (number | null)[];
}

/** Loss (training and, if there is one, validation) and validation accuracy; null where nothing was recorded. */
export function curveSvgs(
  history: readonly EpochRecord[],
  palette: Palette,
): { loss: string | null; accuracy: string | null } {
  const of = (pick: (epoch: EpochRecord) => number | null | undefined) =>
    history.map((epoch) => {
      const value = pick(epoch);
      return value !== null && value !== undefined && Number.isFinite(value) ? value : null;
    });
  const epochs = history.map((record) => record.epoch);
  const training = { colour: palette.second, dashed: true };
  const validation = { colour: palette.accent, dashed: false };
  const loss = [
    { name: 'training', ...training, values: of((epoch) => epoch.trainLoss) },
    { name: 'validation', ...validation, values: of((epoch) => epoch.validationLoss) },
  ].filter(hasValues);
  const accuracy = [
    { name: 'training', ...training, values: of((epoch) => epoch.trainAccuracy) },
    { name: 'validation', ...validation, values: of((epoch) => epoch.validationAccuracy) },
  ].filter(hasValues);
  return {
    loss: loss.length === 0 ? null : curveSvg('Loss', epochs, loss, palette),
    accuracy: accuracy.length === 0 ? null : curveSvg('Accuracy', epochs, accuracy, palette, [0, 1]),
  };
}

const hasValues = (series: Series): boolean => series.values.some((value) => value !== null);

function curveSvg(
  title: string,
  epochs: readonly number[],
  series: readonly Series[],
  palette: Palette,
  fixedRange?: readonly [number, number],
): string {
  const [width, height, left, top, right, bottom] = [440, 270, 48, 34, 14, 42];
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  const ticks = niceTicks(...(fixedRange ?? ([Math.min(0, ...values), Math.max(...values)] as const)));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)];
  const x = (epoch: number) => left + ((width - left - right) * (epoch - first)) / Math.max(1, last - first);
  const y = (value: number) => height - bottom - ((height - top - bottom) * (value - low)) / (high - low);
  const parts = [`<text x="0" y="15" font-weight="600" fill="${palette.ink}">${escapeHtml(title)}</text>`];
  for (const tick of ticks) {
    parts.push(
      `<line x1="${left}" x2="${width - right}" y1="${round(y(tick))}" y2="${round(y(tick))}" stroke="${palette.line}"/>`,
      `<text x="${left - 8}" y="${round(y(tick) + 4)}" text-anchor="end" fill="${palette.soft}">${tickText(tick)}</text>`,
    );
  }
  const labelled = niceTicks(first, last).filter(
    (tick) => Number.isInteger(tick) && tick >= first && tick <= last,
  );
  for (const epoch of labelled) {
    const place = `x="${round(x(epoch))}" y="${height - bottom + 18}"`;
    parts.push(`<text ${place} text-anchor="middle" fill="${palette.soft}">${epoch}</text>`);
  }
  const middle = round((left + width - right) / 2);
  parts.push(
    `<text x="${middle}" y="${height - 6}" text-anchor="middle" fill="${palette.soft}">epoch</text>`,
  );
  series.forEach((one, s) => {
    const points = one.values.flatMap((value, i) =>
      value === null ? [] : [[x(epochs[i]!), y(value)] as const],
    );
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${round(px)} ${round(py)}`).join('');
    const dash = one.dashed ? ' stroke-dasharray="5 4"' : '';
    parts.push(`<path d="${path}" fill="none" stroke="${one.colour}" stroke-width="2"${dash}/>`);
    // Dots where there are few: a single epoch has no line.
    if (points.length <= 12) {
      for (const [px, py] of points) {
        parts.push(`<circle cx="${round(px)}" cy="${round(py)}" r="3" fill="${one.colour}"/>`);
      }
    }
    const legend = width - right - 90 * (series.length - s);
    parts.push(
      `<line x1="${legend}" x2="${legend + 18}" y1="11" y2="11" stroke="${one.colour}" stroke-width="2"${dash}/>`,
      `<text x="${legend + 23}" y="15" fill="${palette.ink}">${escapeHtml(one.name)}</text>`,
    );
  });
  return svgElement(width, height, palette, 12, parts);
}

/** Round numbers at equal steps (1, 2 or 5 times a power of ten) from at or below `low` to at or above `high`. */
function niceTicks(low: number, high: number, wanted = 5): number[] {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / wanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= wanted)!;
  const [from, to] = [Math.floor(low / step + 1e-9), Math.ceil((low + span) / step - 1e-9)];
  return Array.from({ length: to - from + 1 }, (_, i) => Number(((from + i) * step).toPrecision(12)));
}

function tickText(value: number): string {
  return String(Number(value.toPrecision(6)));
}
