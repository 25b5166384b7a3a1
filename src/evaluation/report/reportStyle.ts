/** @file The style sheet of reports: one column, two colour schemes, usable from 320 px width and on paper. */

/** Pictures are drawn on white; in the dark their lightness is turned round and their hues kept. */
export const reportStyle = `:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2330; --soft: #596273; --line: #d9dee7; --wash: #f4f6f9;
  --accent: #1f5fbf;
  --warning: #8a3b00; --warning-wash: #fff0df; --note: #1d4f86; --note-wash: #e8f1fc;
  --good: #1c6339; --good-wash: #e5f5eb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181f; --ink: #e4e8ef; --soft: #a0aabb; --line: #333c4a; --wash: #1d232d;
    --accent: #7db2ff;
    --warning: #ffc58c; --warning-wash: #43290f; --note: #a9cdfb; --note-wash: #1a3048;
    --good: #a0ddb5; --good-wash: #173524;
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
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9375rem; }
th, td { text-align: left; padding: 0.3rem 0.875rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { max-width: 26rem; overflow-wrap: break-word; }
.number { text-align: right; padding-left: 0.875rem; white-space: nowrap; }
tr.summary td { font-weight: 600; }
figure svg { display: block; }
figure > div > svg { width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { figure > div > svg { filter: invert(0.92) hue-rotate(180deg); border-radius: 6px; } }
summary { cursor: pointer; color: var(--accent); }
details { margin: 0.75rem 0; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
@media (max-width: 30rem) {
  table { font-size: 0.875rem; }
  th, td { padding-right: 0.5rem; }
  .number { padding-left: 0.5rem; }
  main { padding: 0.75rem 0.875rem 3rem; } h1 { font-size: 1.4rem; } .lead { font-size: 1.05rem; }
}
@media print { details { display: block; } .scroll { overflow: visible; } }
`;
