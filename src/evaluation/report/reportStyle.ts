/** @file The style sheet of reports: one column, two colour schemes, usable from 320 px width and on paper. */
import { darkColours } from './themedSvg.ts';

export const reportStyle = `:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2330; --soft: #596273; --line: #d9dee7; --wash: #f4f6f9;
  --accent: #1f5fbf;
  --warning: #8a3b00; --warning-wash: #fff0df; --note: #1d4f86; --note-wash: #e8f1fc;
  --good: #1c6339; --good-wash: #e5f5eb;
  --right: 20 70 160; --wrong: 150 50 0; --faint-count: #000; --strong-count: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --ink: #e4e8ef; --soft: #a0aabb; --line: #333c4a; --wash: #1d232d;
    --accent: #7db2ff;
    --warning: #ffc58c; --warning-wash: #43290f; --note: #a9cdfb; --note-wash: #1a3048;
    --good: #a0ddb5; --good-wash: #173524;
    --right: 92 152 240; --wrong: 235 126 62; --faint-count: #fff; --strong-count: #000;
    ${darkColours}
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.5rem 0 0.5rem; overflow-wrap: anywhere; }
h3 small { font-weight: 400; color: var(--soft); }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.9375rem; }
p, li { overflow-wrap: anywhere; }
p { margin: 0.75rem 0; }
.lead { font-size: 1.15rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875em; }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem 1rem; overflow-x: auto; }
pre code { font-size: 0.8125rem; }
.badges { list-style: none; padding: 0; margin: 0.75rem 0; display: grid; gap: 0.5rem; }
.badges li { padding: 0.5rem 0.875rem; border-radius: 6px; border-left: 4px solid currentColor; }
.badges .warning { color: var(--warning); background: var(--warning-wash); }
.badges .note { color: var(--note); background: var(--note-wash); }
.badges .good { color: var(--good); background: var(--good-wash); }
.badge {
  display: inline-block; font-size: 0.75rem; line-height: 1.35; font-weight: 600; padding: 0 0.4rem; border-radius: 99px;
  border: 1px solid currentColor; white-space: nowrap; vertical-align: 0.06em;
}
.badge.warning { color: var(--warning); background: var(--warning-wash); }
.badge.note { color: var(--note); background: var(--note-wash); }
.badge.good { color: var(--good); background: var(--good-wash); }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9375rem; }
th, td { text-align: left; padding: 0.3rem 0.875rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { max-width: 26rem; overflow-wrap: break-word; }
.number { text-align: right; padding-left: 0.875rem; white-space: nowrap; }
tr.summary td { font-weight: 600; }
figure svg, .clips svg { display: block; }
figure > div > svg { width: 100%; height: auto; }
svg .paper { fill: none; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 0.75rem; margin: 0.75rem 0; }
.gallery.large { grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
.gallery figure { margin: 0; min-width: 0; }
figcaption { font-size: 0.8125rem; color: var(--soft); overflow-wrap: anywhere; }
table.matrix { border-collapse: separate; border-spacing: 1px; font-size: 0.875rem; }
.caption { font-size: 0.875rem; color: var(--soft); }
.matrix td { padding: 0; min-width: 2.6rem; height: 2.4rem; text-align: center; vertical-align: middle; border: 0; }
.matrix tbody td { background: rgb(var(--tint) / calc(var(--share, 0) * 0.94 + 0.02)); }
.matrix .right { --tint: var(--right); }
.matrix .wrong { --tint: var(--wrong); }
.matrix tbody td { color: var(--faint-count); }
.matrix tbody .strong { color: var(--strong-count); }
.matrix .none { color: var(--soft); }
.matrix th { border: 0; padding: 0 0.5rem 0 0; color: var(--ink); font-weight: 400; }
.matrix tbody th { text-align: right; position: sticky; left: 0; background: var(--paper); vertical-align: middle; }
.matrix thead th { height: 7.5rem; padding: 0; vertical-align: bottom; }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 7.5rem; overflow: hidden; text-overflow: ellipsis; }
.matrix button {
  all: unset; box-sizing: border-box; display: block; width: 100%; height: 100%; line-height: 2.4rem; cursor: pointer;
}
.matrix button:hover { text-decoration: underline; }
.matrix button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.matrix button[aria-expanded="true"] { outline: 3px solid var(--ink); outline-offset: -1px; }
.panel { border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem; margin: 0.75rem 0; scroll-margin: 1rem; }
.panel h3 { margin: 0.75rem 0; }
.panel h3:focus { outline: none; }
.panel .clips { max-height: 24rem; overflow-y: auto; }
.clips { list-style: none; padding: 0; margin: 0.5rem 0; }
.clips li { display: grid; grid-template-columns: 2.25rem minmax(0, 1fr); gap: 0 0.75rem; align-items: center; padding: 0.5rem 0; border-top: 1px solid var(--line); }
.clips li:first-child { border-top: 0; }
.clips .scroll { grid-column: 1 / -1; margin: 0.5rem 0 0.25rem; }
.clips svg { width: 100%; min-width: 34rem; height: auto; }
.clips .name { font-weight: 600; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }
.fact { color: var(--soft); }
.play {
  width: 2.25rem; height: 2.25rem; border-radius: 50%; border: 0; padding: 0; cursor: pointer; position: relative;
  background: conic-gradient(var(--accent) calc(var(--at, 0) * 1turn), var(--line) 0);
}
.play::before { content: ""; position: absolute; inset: 3px; border-radius: 50%; background: var(--paper); }
.play::after {
  content: ""; position: absolute; inset: 0; margin: auto; width: 0.75rem; height: 0.85rem; background: var(--accent);
  clip-path: polygon(12% 0, 100% 50%, 12% 100%);
}
.play.playing::after { clip-path: none; width: 0.7rem; height: 0.7rem; }
.play:hover::before { background: var(--wash); }
.mute { width: 2.25rem; height: 2.25rem; border-radius: 50%; border: 1px dashed var(--line); }
summary { cursor: pointer; color: var(--accent); }
details { margin: 0.75rem 0; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
@media (max-width: 30rem) {
  table { font-size: 0.875rem; }
  th, td { padding-right: 0.5rem; }
  .number { padding-left: 0.5rem; }
  .matrix tbody th { max-width: 6.5rem; overflow-wrap: anywhere; line-height: 1.2; } .matrix td { min-width: 2.2rem; }
  main { padding: 0.75rem 0.875rem 3rem; } h1 { font-size: 1.4rem; } .lead { font-size: 1.05rem; }
}
@media print { .play, .mute, nav { display: none; } details { display: block; } .scroll { overflow: visible; } }
`;
