/**
 * @file A report document as one HTML file that needs nothing else: style, pictures, sounds and the few lines of script
 * that play them are inside; no network (a content security policy says so, and allows no other script). Light and dark
 * after the reader's setting; tables scroll on a phone.
 */
import { createHash } from 'node:crypto';
import type { Block, Cell, GalleryBlock, Inline, PictureBlock, ReportDocument, Table } from './document.ts';
import { escapeHtml, relativeUrl } from './escape.ts';
import { type ClipContext, renderClips, renderMatrix } from './renderClips.ts';
import { reportScript } from './reportScript.ts';
import { reportStyle } from './reportStyle.ts';
import { themedSvg } from './themedSvg.ts';

/** The whole page. */
export function renderHtml(document: ReportDocument): string {
  const title = escapeHtml(document.title);
  const { sounds = {} } = document;
  const context: Context = { sounds, cell: renderCell, ids: 0, headings: [] };
  const body = document.blocks.map((block) => renderBlock(block, context)).join('\n');
  const scripted = body.includes('<button');
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    'img-src data:',
    ...(scripted
      ? [
          'media-src data:',
          `script-src 'sha256-${createHash('sha256').update(reportScript).digest('base64')}'`,
        ]
      : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}">
<title>${title}</title>
<style>
${reportStyle}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${contents(context.headings)}${body}
</main>
${soundElements(document)}${scripted ? `<script>${reportScript}</script>\n` : ''}</body>
</html>
`;
}

interface Context extends ClipContext {
  readonly headings: { readonly id: string; readonly text: string }[];
}

function renderBlock(block: Block, context: Context): string {
  switch (block.kind) {
    case 'heading': {
      if (block.level === 3) return `<h3>${escapeHtml(block.text)}</h3>`;
      const id = `part-${context.headings.length + 1}`;
      context.headings.push({ id, text: block.text });
      return `<h2 id="${id}">${escapeHtml(block.text)}</h2>`;
    }
    case 'paragraph':
      return `<p>${renderInlines(block.content)}</p>`;
    case 'lead':
      return `<p class="lead">${renderInlines(block.content)}</p>`;
    case 'badges': {
      const items = block.badges.map(({ tone, text }) => `<li class="${tone}">${escapeHtml(text)}</li>`);
      return items.length === 0 ? '' : `<ul class="badges">${items.join('')}</ul>`;
    }
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${renderInlines(item)}</li>`).join('')}</ul>`;
    case 'code':
      return `<pre tabindex="0"><code>${escapeHtml(block.text)}</code></pre>`;
    case 'picture':
      return renderPicture(block);
    case 'gallery':
      return renderGallery(block);
    case 'clips':
      return renderClips(block, context);
    case 'matrix':
      return renderMatrix(block, context);
    case 'details': {
      const inside = block.blocks.map((inner) => renderBlock(inner, context)).join('\n');
      return `<details><summary>${escapeHtml(block.summary)}</summary>\n${inside}\n</details>`;
    }
    case 'table':
      return renderTable(block);
  }
}

/** Links to the parts of a long page. */
function contents(headings: Context['headings']): string {
  if (headings.length < 5) return '';
  const links = headings.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`);
  return `<nav aria-label="Contents"><ul>${links.join('')}</ul></nav>\n`;
}

function renderPicture({ svg, alt }: PictureBlock): string {
  // A narrow page scales it down, but not below what can be read; then it scrolls.
  const width = Number(/^<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1] ?? 600);
  const size = `max-width:${width}px;min-width:${Math.round(0.75 * width)}px`;
  return `<figure class="scroll" tabindex="0" role="img" aria-label="${escapeHtml(alt)}"><div style="${size}">${themedSvg(svg)}</div></figure>`;
}

function renderGallery({ items, large = false }: GalleryBlock): string {
  const figures = items.map(
    ({ svg, alt, caption }) =>
      `<figure><div role="img" aria-label="${escapeHtml(alt)}">${themedSvg(svg)}</div><figcaption>${renderCell(caption)}</figcaption></figure>`,
  );
  return `<div class="gallery${large ? ' large' : ''}">${figures.join('')}</div>`;
}

function renderTable({ head, align, rows, summaryRows = 0 }: Table): string {
  const cells = (row: readonly Cell[], tag: 'td' | 'th') =>
    row
      .map((cell, i) => {
        const side = align[i] === 'right' ? ' class="number"' : '';
        const scope = tag === 'th' ? ' scope="col"' : '';
        return `<${tag}${scope}${side}>${renderCell(cell)}</${tag}>`;
      })
      .join('');
  const body = rows.map((row, i) => {
    const mark = i >= rows.length - summaryRows ? ' class="summary"' : '';
    return `<tr${mark}>${cells(row, 'td')}</tr>`;
  });
  const table = `<table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body.join('')}</tbody></table>`;
  return `<div class="scroll" tabindex="0">${table}</div>`;
}

/** One element per sound: it is in the page once, however many lists have a button for it. */
function soundElements({ sounds = {} }: ReportDocument): string {
  return Object.entries(sounds)
    .map(
      ([key, { uri }]) =>
        `<audio preload="none" data-key="${escapeHtml(key)}" src="${escapeHtml(uri)}"></audio>\n`,
    )
    .join('');
}

function renderCell(cell: Cell): string {
  return typeof cell === 'string' ? escapeHtml(cell) : renderInlines(cell);
}

function renderInlines(content: readonly Inline[]): string {
  return content
    .map((inline) => {
      if (typeof inline === 'string') return escapeHtml(inline);
      if ('link' in inline)
        return `<a href="${escapeHtml(relativeUrl(inline.link))}">${escapeHtml(inline.text)}</a>`;
      if ('badge' in inline) return `<span class="badge ${inline.tone}">${escapeHtml(inline.badge)}</span>`;
      return 'strong' in inline
        ? `<strong>${escapeHtml(inline.strong)}</strong>`
        : `<code>${escapeHtml(inline.code)}</code>`;
    })
    .join('');
}
