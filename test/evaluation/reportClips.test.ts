import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseHTML } from 'linkedom';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/audio/index.ts';
import {
  clipsToHear,
  type ReportDocument,
  type RunMedia,
  renderHtml,
  renderMarkdown,
  worstErrors,
  writeRunReport,
} from '../../src/evaluation/index.ts';
import { clipsByCell } from '../../src/evaluation/report/runMedia.ts';
import { curvePicture } from '../../src/pictures/index.ts';
import { samplePredictions, sampleRun } from './sampleRun.ts';

const tone = Float32Array.from({ length: 4800 }, (_, i) => 0.2 * Math.sin((2 * Math.PI * 440 * i) / 8000));
const uri = `data:audio/wav;base64,${Buffer.from(encodeWav({ sampleRate: 8000, channelData: [tone] })).toString('base64')}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-clips-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('clips to hear', () => {
  const table = samplePredictions(0.7);

  it('names every clip once, the worst errors first, then each confusion and each class before a second of any', () => {
    const order = clipsToHear(table);
    expect(new Set(order).size).toBe(order.length);
    expect([...order].sort()).toEqual(table.rows.map((row) => row.clip).sort());
    const errors = worstErrors(table, 12).map(({ clip }) => clip);
    expect(order.slice(0, 12)).toEqual(errors);
    const cells = [...clipsByCell(table).values()];
    const cellOf = new Map(cells.flatMap((clips, i) => clips.map(({ clip }) => [clip, i] as const)));
    const met = new Set<number>();
    const seen = order.map((clip) => met.has(cellOf.get(clip)!) || !met.add(cellOf.get(clip)!));
    // By the time some cell is heard a second time beyond the worst errors, every cell has been heard once.
    const again = order.findIndex((clip, i) => i >= 12 && seen[i] && !errors.includes(clip));
    const before = new Set(order.slice(0, again + 1).map((clip) => cellOf.get(clip)));
    expect(before.size).toBeGreaterThanOrEqual(cells.length - errors.length);
  });

  it('puts clips into the cells of the confusion matrix, the surest first', () => {
    const { matrix } = sampleRun().evaluation.confusion;
    const cells = clipsByCell(sampleRun().predictions);
    for (const [key, clips] of cells) {
      const [row, column] = key.split('-').map(Number);
      expect(clips).toHaveLength(matrix[row!][column!]);
      for (let i = 1; i < clips.length; i++)
        expect(clips[i].confidence).toBeLessThanOrEqual(clips[i - 1].confidence);
    }
    const counted = [...cells.values()].reduce((sum, clips) => sum + clips.length, 0);
    expect(counted).toBe(matrix.flat().reduce((a, b) => a + b, 0));
  });
});

describe('blocks', () => {
  const { svg } = curvePicture([{ yLabel: 'Loss', series: [{ name: 'training', y: [2, 1] }] }]);
  const page: ReportDocument = {
    title: 'Blocks',
    sounds: { a: { uri, seconds: 0.6 } },
    blocks: [
      {
        kind: 'table',
        head: ['split', 'accuracy'],
        align: ['left', 'right'],
        rows: [['random', ['0.98 ', { badge: 'leaks', tone: 'warning' }]]],
      },
      { kind: 'heading', level: 3, text: 'Below' },
      { kind: 'gallery', items: [{ svg, alt: 'drawn', caption: [{ strong: 'dog' }, ' AP 0.5'] }] },
      {
        kind: 'clips',
        head: ['true class'],
        clips: [
          { name: 'a|b.wav', sound: 'a', facts: ['dog'], picture: { svg, alt: 'spectrogram' } },
          { name: 'c.wav', sound: 'not there', facts: ['cat'] },
        ],
      },
    ],
  };

  it('are the same in Markdown, less what only a page can show', () => {
    expect(renderMarkdown(page)).toBe(
      '# Blocks\n\n| split | accuracy |\n| --- | ---: |\n| random | 0.98 **⚠ leaks** |\n\n### Below\n\n- **dog** AP 0.5\n\n| clip | true class |\n| --- | --- |\n| a\\|b.wav | dog |\n| c.wav | cat |\n',
    );
  });

  it('have a button for what can be heard only, and colours that follow the reader', () => {
    const html = renderHtml(page);
    const { document } = parseHTML(html);
    const buttons = [...document.querySelectorAll('button.play')];
    expect(buttons.map((button) => button.getAttribute('aria-label'))).toEqual(['Play a|b.wav (0.6 s)']);
    expect(document.querySelectorAll('audio').length).toBe(1);
    expect(html).toContain('var(--c0072b2,#0072b2)');
    expect(html).toMatch(/prefers-color-scheme: dark[\s\S]*--c0072b2: #56a8e8/);
    expect(document.querySelectorAll('figure svg rect.paper').length).toBe(1);
    // Without sounds and matrices there is no script at all.
    expect(renderHtml({ title: 'Still', blocks: [page.blocks[0]] })).not.toContain('script');
  });
});

const browserPath = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));

describe.skipIf(browserPath === undefined)('a report in a browser (skipped without chromium)', () => {
  let browser: Browser;
  let url: string;
  const run = sampleRun();
  const worst = worstErrors(run.predictions, 1)[0];
  const media: RunMedia = {
    sounds: new Map([[worst.clip, { uri, seconds: 0.6 }]]),
    pictures: new Map(),
    heard: '1 of 240 clips can be heard in this page.',
    remarks: [],
  };

  beforeAll(async () => {
    await writeRunReport(join(folder, 'heard'), { ...run, media });
    url = pathToFileURL(join(folder, 'heard', 'report.html')).href;
    browser = await chromium.launch({
      executablePath: browserPath!,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--mute-audio'],
    });
  });
  afterAll(() => browser?.close());

  async function open(width = 390): Promise<{ page: Page; seen: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    const seen: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith('data:')) seen.push(request.url());
    });
    page.on('console', (message) => seen.push(message.text()));
    page.on('pageerror', (error) => seen.push(error.message));
    await page.goto(url);
    return { page, seen };
  }

  it('opens the clips of a cell, and plays one, with nothing fetched and no sideways scrolling', async () => {
    const { page, seen } = await open();
    const { classes } = run.predictions;
    const [row, column] = [classes.indexOf(worst.label), classes.indexOf(worst.predicted)];
    const panel = page.locator(`#matrix-1-${row}-${column}`);
    const cell = page.locator(`button[data-panel="matrix-1-${row}-${column}"]`);
    expect(await panel.isVisible()).toBe(false);
    await cell.click();
    expect(await panel.isVisible()).toBe(true);
    expect(await cell.getAttribute('aria-expanded')).toBe('true');
    expect(await panel.locator('.name').first().textContent()).toBe(worst.clip);
    expect(await panel.locator('h3').textContent()).toMatch(
      /taken for .*: \d+ clips? \(1 can be heard here\)/,
    );
    const play = panel.locator('button.play');
    await play.click();
    // The page's policy forbids the evaluation of text within it, so the state is asked for from outside.
    const until = (state: string) => expect.poll(() => page.evaluate(state), { timeout: 10_000 });
    await until("document.querySelector('audio').currentTime > 0").toBe(true);
    await until("document.querySelector('.playing')").toBeNull();
    expect(await play.getAttribute('aria-pressed')).toBe('false');
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    await cell.click();
    expect(await panel.isVisible()).toBe(false);
    expect(seen).toEqual([url]);
    await page.close();
  });

  it('can be used by keyboard alone', async () => {
    const { page } = await open(1200);
    const matrix = page.locator('table.matrix button');
    await matrix.first().focus();
    const before = await page.evaluate("document.activeElement.closest('td').cellIndex");
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const after = await page.evaluate(
      "[document.activeElement.tagName, document.activeElement.closest('td').cellIndex > 0]",
    );
    expect(after).toEqual(['BUTTON', true]);
    expect(before).toBeGreaterThan(0);
    await page.keyboard.press('Enter');
    expect(await page.locator('.panel:not([hidden])').count()).toBe(1);
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H3');
    await page.close();
  });

  it('lets no other script run than its own', async () => {
    const html = await readFile(join(folder, 'heard', 'report.html'), 'utf8');
    const page = await browser.newPage();
    await page.setContent(html.replace('</body>', '<script>document.title = "changed"</script></body>'));
    expect(await page.title()).not.toBe('changed');
    await page.close();
  });
});
