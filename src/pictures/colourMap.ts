/** @file Colour maps: numbers in [0, 1] to colours that grow evenly lighter, readable without colour vision too. */
import { ParameterError } from '../core/errors.ts';
import { colourTables } from './colourTables.generated.ts';

export type ColourMapName = 'viridis' | 'magma' | 'grey';

/** Red, green and blue, integers 0 … 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

const tables = new Map<ColourMapName, Uint8Array>();

/** The 256 colours of a map, three bytes each, for 0 to 1. `grey` goes from white to near black. */
export function colourTable(name: ColourMapName): Uint8Array {
  let table = tables.get(name);
  if (table === undefined) {
    if (name === 'grey') {
      table = Uint8Array.from({ length: 768 }, (_, i) => Math.round(255 - (Math.floor(i / 3) * 240) / 255));
    } else if (colourTables[name] !== undefined) {
      table = Uint8Array.from(Buffer.from(colourTables[name], 'hex'));
    } else {
      throw new ParameterError(`There is no colour map named "${name}".`, {
        hint: 'Use viridis, magma or grey.',
      });
    }
    tables.set(name, table);
  }
  return table;
}

/** The colour of `t`; values outside [0, 1] take the end's colour, NaN the low end's. */
export function colourOf(name: ColourMapName, t: number): Rgb {
  const table = colourTable(name);
  const i = 3 * Math.min(255, Math.max(0, Math.round((Number.isNaN(t) ? 0 : t) * 255)));
  return [table[i], table[i + 1], table[i + 2]];
}

/** `#rrggbb`. */
export function cssColour([r, g, b]: Rgb): string {
  return `#${[r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('')}`;
}

/** Black or white, whichever reads better on `colour` (relative luminance as WCAG 2.1 defines it). */
export function inkOn(colour: Rgb): string {
  const [r, g, b] = colour.map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#111111' : '#ffffff';
}
