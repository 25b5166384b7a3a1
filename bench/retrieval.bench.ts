/**
 * @file How often the clips that `earshot similar` names have the label of the clip asked about, clips of its own
 * recording left out: `npx tsx bench/retrieval.bench.ts INDEX`. QUERIES sets how many clips are asked about.
 */
import { Random } from '../src/core/index.ts';
import { readIndex, similarClips } from '../src/embeddings/index.ts';

const { info, matrix } = await readIndex(process.argv[2]);
const { clips, size } = info;
const queries = new Random(1).shuffle([...clips]).slice(0, Number(process.env['QUERIES'] ?? 400));
let first = 0;
let five = 0;
for (const query of queries) {
  const { firstRow, times, levels, label, group } = query;
  const embedding = matrix.subarray(firstRow * size, (firstRow + times.length) * size);
  const others = similarClips({ firstRow: 0, times, levels, embedding }, clips, matrix)
    .map(({ clip }) => clips[clip])
    .filter((clip) => clip.group !== group);
  first += Number(others[0].label === label);
  five += others.slice(0, 5).filter((clip) => clip.label === label).length / 5;
}
const share = (n: number) => (n / queries.length).toFixed(3);
console.log(
  `${queries.length} clips of ${info.dataset.name}: label of the nearest ${share(first)}, of the nearest five ${share(five)}`,
);
