/** @file Whether two folders hold the same results. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Files that tell how a run went, not what it found: a resumed run's differ by nature. */
const chronicles = /(^|\/)(log\.jsonl|\.earshot-claim[^/]*|content-hashes\.json)$/;

/** Every file below a folder, by its path in it. */
function listFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** Names that only an unfinished write leaves. */
export function leftovers(root: string): string[] {
  return listFiles(root).filter((path) => /\.(tmp|part|part\.json|lock)$/.test(path));
}

/** What differs between two folders, in words; empty where nothing does. */
export function differences(expected: string, actual: string): string[] {
  const found: string[] = [];
  const wanted = listFiles(expected).filter((path) => !chronicles.test(path));
  const present = new Set(listFiles(actual).filter((path) => !chronicles.test(path)));
  for (const path of wanted) {
    if (!present.delete(path)) found.push(`${path} is missing`);
    else {
      const why = contentDifference(join(expected, path), join(actual, path));
      if (why !== null) found.push(`${path} differs${why}`);
    }
  }
  for (const path of present) found.push(`${path} is not in the undisturbed result`);
  return found;
}

/** Null where two files are the same; else where they part, for texts. */
function contentDifference(a: string, b: string): string | null {
  if (!/\.(json|md|html)$/.test(a)) {
    return statSync(a).size === statSync(b).size && readFileSync(a).equals(readFileSync(b)) ? null : '';
  }
  const [wanted, actual] = [a, b].map((path) => withoutTimes(readFileSync(path, 'utf8')).split('\n'));
  const line = wanted!.findIndex((text, i) => text !== actual![i]);
  if (line < 0) return wanted!.length === actual!.length ? null : ': more lines';
  return ` in line ${line + 1}: ${excerpt(wanted![line], actual![line] ?? '')}`;
}

/** The first place where two lines part, with a little of both. */
function excerpt(wanted: string, actual: string): string {
  let at = 0;
  while (at < wanted.length && wanted[at] === actual[at]) at++;
  const part = (text: string) => text.slice(Math.max(0, at - 30), at + 50);
  return `'${part(actual)}' for '${part(wanted)}'`;
}

/** A text without its clock times and measured durations, which are never the same twice. */
function withoutTimes(text: string): string {
  return (
    text
      .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, 'TIME')
      .replace(
        /("(?:seconds|features|training|evaluation|[a-zA-Z]*Seconds|milliseconds|peakMemory)"\s*:\s*)[\d.e+-]+/g,
        '$10',
      )
      // The last column of a learning history: epoch, loss, …, seconds.
      .replace(/^(\| \d+ \| \d+\.\d{4} \|.*\| )[\d.]+ \|$/gm, '$1N |')
      .replace(
        /(<tr><td class="number">\d+<\/td><td class="number">\d+\.\d{4}<\/td>(?:<td[^>]*>[^<]*<\/td>)*<td class="number">)[\d.]+(?=<\/td><\/tr>)/g,
        '$1N',
      )
      .replace(/\b\d+(?:\.\d+)?(?=(?: | |&nbsp;)(?:s|ms|min|h)\b)/g, 'N')
  );
}
