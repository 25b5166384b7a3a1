/**
 * @file A report document as one HTML file that needs nothing else: style and pictures are inside, no script, no
 * network (a content security policy says so). Light and dark after the reader's setting; tables scroll on a phone.
 */
import type { Block, Inline, ReportDocument, Table } from './document.ts';
import { reportStyle } from './reportStyle.ts';

/** The whole page. */
export function renderHtml(document: ReportDocument): string {
  const title = escapeHtml(document.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>
${reportStyle}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${document.blocks.map(renderBlock).join('\n')}
</main>
</body>
</html>
`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${escapeHtml(block.text)}</h2>`;
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
    case 'picture': {
      // A narrow page scales it down, but not below what can be read; then it scrolls.
      const width = Number(/^<svg[^>]* width="([\d.]+)"/.exec(block.svg)?.[1] ?? 600);
      const size = `max-width:${width}px;min-width:${Math.round(0.75 * width)}px`;
      const alt = escapeHtml(block.alt);
      return `<figure class="scroll" tabindex="0" role="img" aria-label="${alt}"><div style="${size}">${block.svg}</div></figure>`;
    }
    case 'details': {
      const inside = block.blocks.map(renderBlock).join('\n');
      return `<details><summary>${escapeHtml(block.summary)}</summary>\n${inside}\n</details>`;
    }
    case 'table':
      return renderTable(block);
  }
}

function renderTable({ head, align, rows, summaryRows = 0 }: Table): string {
  const cells = (row: readonly string[], tag: 'td' | 'th') =>
    row
      .map((cell, i) => {
        const side = align[i] === 'right' ? ' class="number"' : '';
        const scope = tag === 'th' ? ' scope="col"' : '';
        return `<${tag}${scope}${side}>${escapeHtml(cell)}</${tag}>`;
      })
      .join('');
  const body = rows.map((row, i) => {
    const mark = i >= rows.length - summaryRows ? ' class="summary"' : '';
    return `<tr${mark}>${cells(row, 'td')}</tr>`;
  });
  const table = `<table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${body.join('')}</tbody></table>`;
  return `<div class="scroll" tabindex="0">${table}</div>`;
}

function renderInlines(content: readonly Inline[]): string {
  return content
    .map((inline) => {
      if (typeof inline === 'string') return escapeHtml(inline);
      if ('link' in inline)
        return `<a href="${escapeHtml(relativeUrl(inline.link))}">${escapeHtml(inline.text)}</a>`;
      return 'strong' in inline
        ? `<strong>${escapeHtml(inline.strong)}</strong>`
        : `<code>${escapeHtml(inline.code)}</code>`;
    })
    .join('');
}

/** A relative path as a URL; `./` keeps a name with a colon from being read as a scheme. */
export function relativeUrl(path: string): string {
  const parts = path
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent);
  return `./${parts.join('/')}`.replace(/[()']/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML or XML text or attribute value; characters that XML forbids become the replacement character. */
export function escapeHtml(text: string): string {
  return (
    text
      .replace(/\p{Surrogate}/gu, '\ufffd')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[&<>"']/g, (character) => entities[character]!)
  );
}
