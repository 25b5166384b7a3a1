import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseHTML } from 'linkedom';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  classScores,
  durationText,
  type EpochRecord,
  evaluatePredictions,
  type ReportDocument,
  renderHtml,
  renderMarkdown,
  scoreText,
  sizeText,
  summariseDataset,
  worstErrors,
  writeRunReport,
} from '../../src/evaluation/index.ts';
import { reportPictures } from '../../src/evaluation/report/reportPictures.ts';
import { reportScript } from '../../src/evaluation/report/reportScript.ts';
import { hostile, samplePredictions, sampleRun } from './sampleRun.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-report-'));
});
afterAll(() => rm(folder, { recursive: true }));

const read = (...path: string[]) => readFile(join(folder, ...path), 'utf8');
interface Root {
  querySelectorAll(selector: string): Iterable<{ textContent: string | null }>;
}
const texts = (root: Root, selector: string) =>
  [...root.querySelectorAll(selector)].map((element) => element.textContent);

describe('run report', () => {
  const report = sampleRun({ leaked: 90, synthetic: true });

  it('writes both forms and the pictures', async () => {
    const paths = await writeRunReport(join(folder, 'run'), report);
    expect(paths.map((path) => path.slice(folder.length + 5)).sort()).toEqual([
      'confusion.png',
      'curves.png',
      'reliability.png',
      'report.html',
      'report.md',
    ]);
    for (const name of ['confusion', 'curves', 'reliability']) {
      const png = await readFile(join(folder, 'run', `${name}.png`));
      expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
      expect(png.readUInt32BE(16)).toBeGreaterThan(600);
    }
  });

  it('is one page that needs nothing else and takes no name for markup', async () => {
    const html = await read('run', 'report.html');
    const { document } = parseHTML(html);
    expect(texts(document, 'h1')).toEqual([report.title]);
    expect(document.querySelectorAll('link, img, iframe, object, use, image')).toHaveLength(0);
    // The only address is the name of the SVG format.
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import/);
    // The only script is the page's own, and the policy lets no other run.
    expect(texts(document, 'script')).toEqual([reportScript]);
    const hash = createHash('sha256').update(reportScript).digest('base64');
    const policy = document.querySelector('meta[http-equiv]')!.getAttribute('content')!;
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      "style-src 'unsafe-inline'",
      'img-src data:',
      'media-src data:',
      `script-src 'sha256-${hash}'`,
    ]);
    for (const element of document.querySelectorAll('*')) {
      for (const attribute of element.getAttributeNames()) expect(attribute.startsWith('on')).toBe(false);
    }
    expect(html).toContain('name="viewport"');
    expect(html).toContain('prefers-color-scheme: dark');
    expect(document.querySelectorAll('table').length).toBe(
      document.querySelectorAll('.scroll > table').length,
    );
    // The class of awkward name: per class, by fold, by side, in the pictures and lists, as text each time.
    expect(texts(document, 'td').filter((cell) => cell === hostile).length).toBeGreaterThanOrEqual(3);
    // Reliability and training; a square of curves per class.
    expect(document.querySelectorAll('figure.scroll > div > svg').length).toBe(2);
    expect(document.querySelectorAll('.gallery svg').length).toBe(report.predictions.classes.length);
  });

  it('tells what was done, on what, with what result, in this order', async () => {
    const { document } = parseHTML(await read('run', 'report.html'));
    expect(texts(document, 'h2')).toEqual([
      'Data',
      'Results',
      'Per class',
      'Confusion',
      'Curves',
      'Reliability',
      'Training',
      'Worst errors',
      'Clips that could not be used',
      'Remarks',
      'Repeat it',
    ]);
    const { evaluation } = report;
    const { low, high } = evaluation.intervals.accuracy;
    const percent = (x: number) => (100 * x).toFixed(1);
    expect(texts(document, '.lead')[0]).toContain(`${percent(evaluation.accuracy)} % of 240 test clips`);
    expect(texts(document, '.lead')[0]).toContain(`interval ${percent(low!)}–${percent(high!)} %`);
    const rows = [...document.querySelectorAll('tr')].map((row) => texts(row, 'td'));
    expect(rows).toContainEqual([
      'accuracy',
      `${evaluation.accuracy.toFixed(3)} leaks`,
      `[${low!.toFixed(3)}, ${high!.toFixed(3)}]`,
    ]);
    for (const { name, scores } of classScores(evaluation)) {
      expect(rows).toContainEqual([
        name,
        scores.precision.toFixed(3),
        scores.recall.toFixed(3),
        scores['f1-score'].toFixed(3),
        String(scores.support),
      ]);
    }
    for (const { subject, message } of [...report.failures, ...report.notices]) {
      expect(rows).toContainEqual([subject, message]);
    }
    expect(rows).toContainEqual(['data fingerprint', report.dataset.fingerprint]);
    expect(rows).toContainEqual(['onnxruntime-node', '1.30.0']);
    const code = texts(document, 'pre');
    expect(code[0]).toBe(report.command);
    expect(JSON.parse(code[1]!)).toEqual(report.config);
    const [worst] = worstErrors(report.predictions, 1);
    const names = texts(document, 'main > .clips .name');
    expect(names).toEqual(worstErrors(report.predictions, 12).map(({ clip }) => clip));
    expect(texts(document, 'main > .clips .facts')[0]).toBe(
      `true class ${worst!.label} predicted ${worst!.predicted} p(predicted) ${worst!.confidence.toFixed(3)} p(true) ${worst!.truthProbability.toFixed(3)}`,
    );
  });

  it('warns of leaks, synthetic sounds and random weights, and only of those there are', async () => {
    const badges = async (name: string) =>
      texts(parseHTML(await read(name, 'report.html')).document, '.badges li').join('\n');
    const warned = await badges('run');
    expect(warned).toMatch(/Leak: 90 of 240 test clips \(37\.5 %\) share 23 recordings/);
    expect(warned).toMatch(/Synthetic data/);
    expect(warned).toMatch(/random weights/);
    expect(warned).toMatch(/2 files could not be used/);
    const clean = { ...sampleRun(), failures: [], notices: [] };
    await writeRunReport(join(folder, 'clean'), {
      ...clean,
      network: { ...clean.network, weights: 'resnet50.safetensors', trainedParameters: 1000 },
      history: undefined,
    });
    const text = await badges('clean');
    expect(text).toMatch(/No test clip shares its recording/);
    expect(text).not.toMatch(/Leak|Synthetic|random|could not/);
    const headings = texts(parseHTML(await read('clean', 'report.html')).document, 'h2');
    expect(headings).not.toContain('Clips that could not be used');
    expect(headings).not.toContain('Training');
    expect(await read('clean', 'report.md')).toMatch(/of which 1\u202f000 were trained\. Weights: resnet50/);
  });

  it('says the same in Markdown, cell by cell', async () => {
    const markdown = await read('run', 'report.md');
    const { document } = parseHTML(await read('run', 'report.html'));
    const plainText = (cell: string) =>
      cell
        .trim()
        .replace(/\*\*⚠ (leaks)\*\*/, '$1')
        .replace(/\\([^\w\s])/g, '$1')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&');
    // The clips are a table in Markdown only, the matrix is one in HTML only.
    const lines = markdown
      .replace(/(?<=\n)\| clip \|(.*\n)+?(?=\n)/, '')
      .split('\n')
      .filter((line) => line.startsWith('|') && !/^\| -+:? \|/.test(line));
    expect(markdown).toContain('| clip | true class | predicted | p(predicted) | p(true) |');
    const cells = lines.map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map(plainText),
    );
    const rows = [...document.querySelectorAll('table:not(.matrix) tr')];
    expect(cells).toEqual(rows.map((row) => texts(row, 'th, td')));
    // In a fence markup is only text.
    expect(markdown.replace(/```json[\s\S]*?```/, '')).not.toContain('<script');
    for (const name of ['confusion', 'curves', 'reliability']) expect(markdown).toContain(`](./${name}.png)`);
  });

  it('reports a run without a single error, and one with folds', () => {
    const predictions = samplePredictions(0.7);
    const perfect = {
      ...predictions,
      rows: predictions.rows.map((row) => ({
        ...row,
        probabilities: predictions.classes.map((name) => (name === row.label ? 1 : 0)),
      })),
    };
    expect(worstErrors(perfect, 5)).toEqual([]);
    expect(scoreText(1, evaluatePredictions(perfect, { seed: 1 }).intervals.accuracy)).toBe(
      '1.000 [1.000, 1.000]',
    );
  });
});

describe('pictures', () => {
  const picturesOf = (history: EpochRecord[] | undefined) =>
    reportPictures({ ...sampleRun(), history }).curves;

  it('has a panel for what was recorded, and none for what was not', () => {
    expect(picturesOf(undefined)).toBeNull();
    expect(picturesOf([{ epoch: 1, trainLoss: NaN }])).toBeNull();
    const labels = (history: EpochRecord[]) =>
      texts(parseHTML(picturesOf(history)!.svg).document, 'text').filter((text) =>
        /[a-z]{3}/.test(text ?? ''),
      );
    expect(labels([{ epoch: 1, trainLoss: 1 }])).toEqual(['training', 'Loss', 'Epoch']);
    expect(labels([{ epoch: 1, trainLoss: 1, validationAccuracy: null }])).toEqual([
      'training',
      'Loss',
      'Epoch',
    ]);
    const both = labels([{ epoch: 1, trainLoss: 1, validationAccuracy: 0.5 }]);
    expect(both.sort()).toEqual(['Accuracy', 'Epoch', 'Epoch', 'Loss', 'training', 'validation']);
    const gap = [1, NaN, 0.5].map((trainLoss, i) => ({ epoch: 3 + i, trainLoss }));
    expect(picturesOf(gap)!.svg).not.toContain('NaN');
  });
});

describe('escaping', () => {
  const page = (text: string): ReportDocument => ({
    title: text,
    blocks: [
      { kind: 'paragraph', content: [text, { strong: text }, { code: text }, { link: text, text }] },
      { kind: 'code', language: 'sh', text },
    ],
  });

  it.each([
    'a\u0000b\ud800',
    '</style><img src=x onerror=alert(1)>',
    '"\'><b>',
    '&amp;',
    'javascript:alert(1)',
  ])('keeps %j text in HTML', (text) => {
    const { document } = parseHTML(renderHtml(page(text)));
    const shown = text.replace('\u0000', '\ufffd').replace('\ud800', '\ufffd');
    expect(texts(document, 'h1')).toEqual([shown]);
    expect(texts(document, 'p code')).toEqual([shown]);
    expect(texts(document, 'pre')).toEqual([shown]);
    expect(document.querySelectorAll('img, main b')).toHaveLength(0);
    expect(document.querySelector('a')!.getAttribute('href')!.startsWith('./')).toBe(true);
  });

  it('keeps text from closing a fence or a code span, and plain numbers plain', () => {
    const markdown = renderMarkdown(page('a ``` b'));
    expect(markdown).toContain('\n````sh\na ``` b\n````\n');
    expect(markdown).toContain('```` a ``` b ````');
    const plain = (text: string) => renderMarkdown({ title: text, blocks: [] }).slice(2, -1);
    expect(plain('0.52 [0.46, 0.60] dog_bark')).toBe('0.52 [0.46, 0.60] dog_bark');
    expect(plain('[x](http://y) _em_ - 1. <i>')).toBe('\\[x](http://y) \\_em\\_ - 1. &lt;i&gt;');
    expect(plain('- item')).toBe('\\- item');
    expect(plain('1. item')).toBe('1\\. item');
    expect(plain('two\nlines')).toBe('two lines');
  });

  it('leaves the spaces around what is strong outside, where Markdown wants them', () => {
    const content = [{ strong: ' Claim. ' }, 'It is so.', { strong: ' ' }, { strong: 'a *' }];
    const markdown = renderMarkdown({ title: '', blocks: [{ kind: 'paragraph', content }] });
    expect(markdown).toContain(' **Claim.** It is so. **a \\***');
  });
});

describe('numbers for people', () => {
  it('says durations and sizes', () => {
    expect([0.04, 9.96, 59.4, 125, 3780].map(durationText)).toEqual([
      '0.0 s',
      '10.0 s',
      '59 s',
      '2 min 5 s',
      '1 h 3 min',
    ]);
    expect([0, 999, 1000, 905_221, 94e6].map(sizeText)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '905.2 kB',
      '94.0 MB',
    ]);
  });

  it('counts a dataset by side, class and fold', () => {
    const clip = (id: string, label: string, fold: number, group: string) => ({
      id,
      path: id,
      label,
      fold,
      group,
    });
    const train = [clip('1', 'a', 1, 'x'), clip('2', 'a', 1, 'x'), clip('3', 'b', 1, 'y')];
    const test = [clip('4', 'a', 2, 'z')];
    const summary = summariseDataset(
      {
        name: 'n',
        kind: 'folders',
        root: '/',
        classes: ['a', 'b'],
        clips: [...train, ...test],
        officialFolds: true,
        groupSource: 'Each clip is its own.',
        synthetic: false,
        notices: [],
      },
      { train, validation: [], test },
      'f',
    );
    expect(summary.counts).toEqual([
      { label: 'a', fold: 1, side: 'train', clips: 2 },
      { label: 'b', fold: 1, side: 'train', clips: 1 },
      { label: 'a', fold: 2, side: 'test', clips: 1 },
    ]);
    expect(summary.groups).toEqual({ train: 2, validation: 0, test: 1 });
  });
});

const browserPath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));

describe.skipIf(browserPath === undefined)('in a browser (skipped without chromium)', () => {
  it('asks for nothing and fits the width of a phone in light and dark', async () => {
    await writeRunReport(join(folder, 'page'), sampleRun({ leaked: 4 }));
    const browser = await chromium.launch({
      executablePath: browserPath!,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    try {
      const backgrounds: string[] = [];
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme });
        const seen: string[] = [];
        page.on('request', (request) => seen.push(request.url()));
        page.on('console', (message) => seen.push(message.text()));
        page.on('dialog', (dialog) => seen.push(dialog.message()));
        const url = pathToFileURL(join(folder, 'page', 'report.html')).href;
        await page.goto(url);
        expect(seen).toEqual([url]);
        const [overflow, background] = await page.evaluate<[number, string]>(
          '[document.documentElement.scrollWidth - innerWidth, getComputedStyle(document.body).backgroundColor]',
        );
        expect(overflow).toBeLessThanOrEqual(0);
        backgrounds.push(background);
      }
      expect(backgrounds).toEqual(['rgb(255, 255, 255)', 'rgb(20, 24, 31)']);
    } finally {
      await browser.close();
    }
  });
});
