import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError, ShapeError } from '../../src/core/errors.ts';
import { logMel, logMelSpec } from '../../src/features/index.ts';
import {
  colourOf,
  colourTable,
  confusionMatrixPicture,
  curvePicture,
  encodePng,
  heatMapPicture,
  intervalPicture,
  spectrogramPicture,
  svgToPng,
} from '../../src/pictures/index.ts';

/** The pixels of an 8-bit RGB or RGBA PNG: an independent, plain decoder (PNG specification, section 9). */
function decodePng(png: Uint8Array): { width: number; height: number; channels: number; data: Uint8Array } {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  const channels = bytes[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const data = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const a = x >= channels ? data[y * stride + x - channels] : 0;
      const b = y > 0 ? data[(y - 1) * stride + x] : 0;
      const c = x >= channels && y > 0 ? data[(y - 1) * stride + x - channels] : 0;
      const prediction = filter === 4 ? paeth(a, b, c) : [0, a, b, (a + b) >> 1][filter];
      data[y * stride + x] = raw[y * (stride + 1) + 1 + x] + prediction;
    }
  }
  return { width, height, channels, data };
}

function paeth(a: number, b: number, c: number): number {
  const distances = [a, b, c].map((v) => Math.abs(a + b - c - v));
  return [a, b, c][distances.indexOf(Math.min(...distances))];
}

describe('encodePng', () => {
  it('keeps every pixel', () => {
    const pictures = fc
      .record({
        width: fc.integer({ min: 1, max: 20 }),
        height: fc.integer({ min: 1, max: 20 }),
        channels: fc.constantFrom(3, 4),
      })
      .chain(({ width, height, channels }) => {
        const size = width * height * channels;
        return fc
          .uint8Array({ minLength: size, maxLength: size })
          .map((data) => ({ width, height, channels, data }));
      });
    fc.assert(
      fc.property(pictures, (picture) => {
        expect(decodePng(encodePng(picture))).toEqual(picture);
      }),
    );
  });

  it('is read by resvg, checksums and all', () => {
    const png = encodePng({ width: 2, height: 1, data: Uint8Array.of(255, 0, 0, 0, 0, 255) });
    const href = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"><image href="${href}" width="2" height="1" image-rendering="optimizeSpeed"/></svg>`;
    const { data, channels } = decodePng(svgToPng(svg, { width: 2 }));
    expect([...data.subarray(0, 3), ...data.subarray(channels, channels + 3)]).toEqual([
      255, 0, 0, 0, 0, 255,
    ]);
  });

  it('refuses what is no picture', () => {
    expect(() => encodePng({ width: 0, height: 1, data: new Uint8Array(0) })).toThrow(ParameterError);
    expect(() => encodePng({ width: 2, height: 2, data: new Uint8Array(5) })).toThrow(ShapeError);
  });
});

describe('colour maps', () => {
  it('grow evenly lighter or darker', () => {
    for (const name of ['viridis', 'magma', 'grey'] as const) {
      const table = colourTable(name);
      expect(table).toHaveLength(768);
      const lightness = Array.from({ length: 256 }, (_, i) => {
        const [r, g, b] = table.subarray(3 * i, 3 * i + 3);
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      });
      const sign = name === 'grey' ? -1 : 1;
      for (let i = 8; i < 256; i += 8) expect(sign * (lightness[i] - lightness[i - 8])).toBeGreaterThan(0);
    }
  });
  it('have the published ends and take any number', () => {
    expect(colourOf('viridis', 0)).toEqual([68, 1, 84]);
    expect(colourOf('viridis', 2)).toEqual([253, 231, 37]);
    expect(colourOf('magma', -1)).toEqual([0, 0, 4]);
    expect(colourOf('magma', Number.NaN)).toEqual([0, 0, 4]);
    expect(() => colourOf('jet' as 'grey', 0)).toThrow(/no colour map/);
  });
});

/** The texts of a drawing. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((m) => m[1]);
}

describe('spectrogramPicture', () => {
  const sampleRate = 22050;
  const spec = logMelSpec({ sampleRate });
  const tone = (hz: number, seconds: number) =>
    Float32Array.from(
      { length: seconds * sampleRate },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / sampleRate),
    );

  it('has axes with units, a title and a colour bar, and is the size it says', () => {
    const { svg, png } = spectrogramPicture(tone(1000, 2), spec, { title: 'a <b> & "c".wav' });
    const found = texts(svg);
    for (const text of [
      'Time (s)',
      'Frequency (mel scale)',
      'Level (dB relative to the loudest)',
      '0',
      '−80',
      '1 kHz',
      '100 Hz',
      '2',
    ]) {
      expect(found).toContain(text);
    }
    expect(found).toContain('a &lt;b&gt; &amp; &quot;c&quot;.wav');
    const { width, height } = decodePng(png);
    expect([width, height]).toEqual([1920, 840]);
  });

  it('begins where a short clip begins, and ends where it ends', () => {
    const rate = 44100;
    const short = logMelSpec({ sampleRate: rate, nFft: 4096, hopLength: 1024, nMels: 32 });
    const clip = Float32Array.from({ length: 0.05 * rate }, (_, i) => Math.sin(i / 9));
    const { svg } = spectrogramPicture(clip, short, { seconds: 0.05 });
    const [, x, , width] = /<svg x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/.exec(svg)!;
    const ticks = [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+"[^>]*>(0[.\d]*)<\/text>/g)]
      .map(([, at, text]) => [Number(at), Number(text)] as const)
      .filter(([at]) => at >= Number(x) && at <= Number(x) + Number(width) + 1);
    expect(ticks.length).toBeGreaterThan(2);
    // Every tick lies where its second of the 0.05 s does, the 0 at the very edge.
    for (const [at, seconds] of ticks)
      expect(at).toBeCloseTo(Number(x) + (seconds / 0.05) * Number(width), 1);
  });

  it('puts a tone where its tick is', () => {
    for (const [hz, text] of [
      [1000, '1 kHz'],
      [5000, '5 kHz'],
      [500, '500 Hz'],
    ] as const) {
      const { svg, png } = spectrogramPicture(tone(hz, 2), spec);
      const tickY =
        Number(new RegExp(`<text x="[\\d.]+" y="([\\d.]+)"[^>]*>${text}<`).exec(svg)![1]) - 12 * 0.36;
      const { width, height, channels, data } = decodePng(png);
      let brightest = 0;
      let at = 0;
      for (let y = 0; y < height; y++) {
        const i = (y * width + width / 2) * channels;
        const light = data[i] + data[i + 1] + data[i + 2];
        // The page is white too: look inside the map only.
        if (y > 60 && y < height - 120 && light > brightest) [brightest, at] = [light, y];
      }
      expect(Math.abs(at / 2 - tickY), text).toBeLessThan(5);
    }
  });

  it('takes a log-mel, silence, one sample, NaN and an hour', () => {
    const features = logMel(tone(500, 1), spec);
    expect(spectrogramPicture(features, spec).svg).toBe(spectrogramPicture(tone(500, 1), spec).svg);
    for (const samples of [
      new Float32Array(3000),
      Float32Array.of(1),
      new Float32Array(3000).fill(Number.NaN),
    ]) {
      expect(decodePng(spectrogramPicture(samples, spec).png).width).toBe(1920);
    }
    const hour = { nMels: 16, nFrames: 155_000, data: new Float32Array(16 * 155_000) };
    const { svg } = spectrogramPicture(hour, { ...spec, nMels: 16 }, { startSeconds: 60 });
    expect(svg.length).toBeLessThan(200_000);
  });

  it('refuses what does not fit', () => {
    expect(() => spectrogramPicture(new Float32Array(0), spec)).toThrow(/no samples/);
    expect(() => spectrogramPicture(tone(500, 1), spec, { width: 100 })).toThrow(/at least 320/);
    expect(() => spectrogramPicture(tone(500, 1), spec, { rangeDb: 0 })).toThrow(/rangeDb/);
    const wrong = { nMels: 3, nFrames: 2, data: new Float32Array(6) };
    expect(() => spectrogramPicture(wrong, spec)).toThrow(/does not fit/);
  });
});

describe('confusionMatrixPicture', () => {
  it('names every class twice and writes every count', () => {
    const { svg, png } = confusionMatrixPicture({
      classes: ['dog_bark', 'siren & co'],
      matrix: [
        [41, 3],
        [0, 0],
      ],
    });
    const found = texts(svg);
    for (const name of ['dog bark', 'siren &amp; co'])
      expect(found.filter((t) => t === name)).toHaveLength(2);
    for (const text of ['41', '93 %', '3', '7 %', 'True class', 'Predicted class'])
      expect(found).toContain(text);
    expect(decodePng(png).width).toBeGreaterThan(300);
  });
  it('refuses what is no confusion matrix', () => {
    expect(() => confusionMatrixPicture({ classes: [], matrix: [] })).toThrow(ParameterError);
    expect(() => confusionMatrixPicture({ classes: ['a'], matrix: [[1, 2]] })).toThrow(ShapeError);
    expect(() => confusionMatrixPicture({ classes: ['a'], matrix: [[-1]] })).toThrow(/≥ 0/);
  });
});

describe('curvePicture', () => {
  it('draws a line for every series, named once, with gaps where there is no value', () => {
    const { svg, png } = curvePicture(
      [
        {
          yLabel: 'Loss',
          series: [
            { name: 'training', y: [2, 1, 0.5] },
            { name: 'validation', y: [2, null, 1], dashed: true },
          ],
        },
        {
          yLabel: 'Accuracy',
          yRange: [0, 1],
          series: [{ name: 'validation', y: [0.2, 0.4, 0.6], dashed: true }],
        },
      ],
      { title: 'cnn, seed 1' },
    );
    const found = texts(svg);
    for (const text of ['cnn, seed 1', 'Loss', 'Accuracy', 'Epoch', 'training', 'validation'])
      expect(found.join('|')).toContain(text);
    expect(found.filter((t) => t === 'validation')).toHaveLength(1);
    expect(svg.match(/aria-label="line"/g)).toHaveLength(3);
    expect(svg.match(/<circle/g)).toHaveLength(3 + 2 + 3);
    expect(svg).not.toContain('<style');
    expect(svg).not.toContain('NaN');
    expect(decodePng(png).width).toBe(1880);
  });
  it('takes a single point and a logarithmic axis', () => {
    const { svg } = curvePicture([
      { yLabel: 'Loss', logarithmic: true, series: [{ name: 'a', y: [0.1, 0, 10] }] },
    ]);
    expect(texts(svg)).toEqual(expect.arrayContaining(['0.1', '1', '10']));
    expect(curvePicture([{ yLabel: 'Loss', series: [{ name: 'a', y: [1] }] }]).svg).not.toContain('NaN');
  });
  it('draws intervals as a band from low to high', () => {
    const series = {
      name: 'a',
      y: [0.25, 0.5, 0.5],
      intervals: [
        { low: 0, high: 0.5 },
        { low: 0.25, high: 0.75 },
        { low: 0.25, high: 1 },
      ],
    };
    const { svg } = curvePicture([
      { yLabel: 'A', yRange: [0, 1], series: [series, { name: 'b', y: [0, 1, 0] }] },
    ]);
    const [, band] = /aria-label="area"[^>]*>\s*<path d="M([^"]*)Z/.exec(svg)!;
    const heights = band!.split('L').map((point) => Number(point.split(',')[1]));
    // Along the tops and back along the bottoms; 1 is the top of the frame and 0 its bottom.
    const [top, bottom] = [14, 300 - 46];
    const value = (y: number) => (bottom - y) / (bottom - top);
    expect(heights.map((y) => Number(value(y).toFixed(3)))).toEqual([0.5, 0.75, 1, 0.25, 0.25, 0]);
    expect(svg.match(/aria-label="area"/g)).toHaveLength(1);
  });
  it('refuses what cannot be drawn', () => {
    expect(() => curvePicture([])).toThrow(ParameterError);
    expect(() =>
      curvePicture([{ yLabel: 'L', series: [{ name: 'a', y: [1, 2], intervals: [undefined] }] }]),
    ).toThrow(/2 values and 1 intervals/);
    expect(() => curvePicture([{ yLabel: 'L', series: [{ name: 'a', y: [1], x: [1, 2] }] }])).toThrow(
      /counts must be equal/,
    );
    expect(() => curvePicture([{ yLabel: 'L', series: [{ name: 'a', y: [null, Number.NaN] }] }])).toThrow(
      /no finite value/,
    );
  });
});

describe('intervalPicture', () => {
  const rows = [
    { name: 'one thing', main: { value: 0.5, low: 0.4, high: 0.6 }, chance: { low: 0.1, high: 0.2 } },
    { name: 'another & <more>', main: { value: 0.25, low: null, high: null } },
  ];
  const options = { xLabel: 'Share', legend: { main: 'interval', chance: 'chance' } };
  it('puts values, intervals and chance where the axis says', () => {
    const { svg, png } = intervalPicture(rows, {
      ...options,
      ...{ range: [0, 1], reference: 0.5, format: (value: number) => value.toFixed(3) },
    });
    const circles = [...svg.matchAll(/<circle cx="([\d.]+)"/g)].slice(-2).map(([, x]) => Number(x));
    const [x, width] = [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="20"/g)]
      .at(-1)!
      .slice(1)
      .map(Number);
    const line = /d="M([\d.]+) [\d.]+H([\d.]+)M[^"]*" stroke="#0072b2"/.exec(svg)!;
    // A quarter of the axis between the two values, a fifth between the ends of the interval, a tenth of chance.
    const quarter = circles[0] - circles[1];
    expect((Number(line[2]) - Number(line[1])) / quarter).toBeCloseTo(0.8, 2);
    expect(width! / quarter).toBeCloseTo(0.4, 2);
    expect((circles[0] - x!) / quarter).toBeCloseTo(1.6, 2);
    for (const text of ['another &amp; &lt;more&gt;', '>0.250<', '>chance<', 'stroke-dasharray']) {
      expect(svg).toContain(text);
    }
    expect(decodePng(png).width).toBeGreaterThan(400);
  });
  it('refuses nothing, and what is not finite', () => {
    expect(() => intervalPicture([], options)).toThrow(ParameterError);
    const wrong = { name: '', main: { value: Number.NaN, low: null, high: null } };
    expect(() => intervalPicture([wrong], options)).toThrow(ParameterError);
  });
});

describe('heatMapPicture', () => {
  const map = {
    rows: ['a', 'b_c'],
    columns: ['x', 'y', 'z'],
    values: [
      [-4, 0, 2],
      [1, 3, 4],
    ],
  };
  const options = { valueLabel: 'dB', columnLabel: 'Band' };
  it('is pale at zero, blue below and orange above, equally far on both sides', () => {
    const { svg } = heatMapPicture(map, options);
    const cells = [...svg.matchAll(/height="28" fill="(#[0-9a-f]{6})"/g)].map(([, colour]) => colour);
    expect(cells).toHaveLength(6);
    expect(cells[1]).toBe('#f7f7f4');
    const channels = (colour: string) => [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
    const [low, high] = [channels(cells[0]), channels(cells[5])];
    expect(low[2]).toBeGreaterThan(low[0]);
    expect(high[0]).toBeGreaterThan(high[2]);
    for (const text of ['>b c<', '>dB<', '>Band<', '>-4<', '>3<']) expect(svg).toContain(text);
  });
  it('takes nothing but zeros, and names as many of many columns as fit', () => {
    const { svg } = heatMapPicture(
      { rows: ['a'], columns: Array.from({ length: 40 }, (_, i) => `c${i}`), values: [Array(40).fill(0)] },
      options,
    );
    expect(svg.match(/>c\d+</g)!.length).toBe(20);
  });
  it('refuses what does not fit', () => {
    expect(() => heatMapPicture({ ...map, rows: ['a'] }, options)).toThrow(ShapeError);
    expect(() => heatMapPicture({ rows: [], columns: [], values: [] }, options)).toThrow(ParameterError);
    expect(() =>
      heatMapPicture(
        {
          ...map,
          values: [
            [1, 2, 3],
            [1, 2, Number.NaN],
          ],
        },
        options,
      ),
    ).toThrow(ParameterError);
  });
});

describe('svgToPng', () => {
  it('draws text without any font of the system', () => {
    const svg = (content: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="30"><text x="5" y="20" font-family="Verdana">${content}</text></svg>`;
    const dark = (png: Uint8Array) => decodePng(png).data.reduce((n, v) => n + (v < 100 ? 1 : 0), 0);
    expect(dark(svgToPng(svg('mel')))).toBeGreaterThan(200);
    expect(dark(svgToPng(svg('')))).toBe(0);
  });
  it('takes a width, and refuses what is no SVG', () => {
    expect(
      decodePng(svgToPng('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="5"/>', { width: 30 })),
    ).toMatchObject({ width: 30, height: 15 });
    expect(() => svgToPng('no drawing')).toThrow(ParameterError);
    expect(() => svgToPng('<svg/>', { width: 0 })).toThrow(/width/);
  });
});
