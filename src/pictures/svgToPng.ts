/** @file SVG to PNG by resvg, with the DejaVu fonts of an npm package, so that text looks the same everywhere. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { ParameterError } from '../core/errors.ts';

let fontFiles: string[] | undefined;

function fonts(): string[] {
  const folder = dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json'));
  fontFiles ??= ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => join(folder, 'ttf', file));
  return fontFiles;
}

/**
 * Draws an SVG as a PNG file on white.
 * @param options.width pixels, integer from 1 to 20000; default twice the drawing's own width, for sharp text
 * @throws {ParameterError} for a width out of range or text that is no SVG
 */
export function svgToPng(svg: string, options: { width?: number } = {}): Uint8Array {
  const { width } = options;
  if (width !== undefined && (!Number.isInteger(width) || width < 1 || width > 20000)) {
    throw new ParameterError(`A picture's width must be an integer from 1 to 20000, got ${width}.`);
  }
  try {
    const drawing = new Resvg(svg, {
      background: '#ffffff',
      fitTo: width === undefined ? { mode: 'zoom', value: 2 } : { mode: 'width', value: width },
      font: { loadSystemFonts: false, fontFiles: fonts(), defaultFontFamily: 'DejaVu Sans' },
    });
    return new Uint8Array(drawing.render().asPng());
  } catch (error) {
    throw new ParameterError(`The drawing is no valid SVG: ${(error as Error).message}.`, { cause: error });
  }
}
