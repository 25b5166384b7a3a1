/** @file Changes to JSON records and to tables that leave them well formed. */
import type { Random } from '../../src/core/index.ts';
import { concat, type Mutate, mutateBytes, mutateList, oneOf } from './bytes.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const oddValues: readonly Json[] = [
  ...[null, true, false, 0, -0, -1, 1, 2, 0.5, 0.9999999, 1e-320, 1e21, 1e308, 2 ** 31, 2 ** 53, -(2 ** 53)],
  ...[
    '',
    ' ',
    '0',
    'NaN',
    '__proto__',
    'constructor',
    '../x',
    '/etc/passwd',
    'a\0b',
    '\ud800',
    '\u202e',
    'x'.repeat(300),
  ],
  ...[[], [null], [[]], {}, { a: 1 }],
];

/** One value of a JSON text is exchanged, left out, doubled, or put under another name. The text stays JSON. */
export const mutateJsonText: Mutate = (bytes, random, others) => {
  const value = parsed(bytes);
  if (value === undefined) return mutateBytes(bytes, random, others);
  let root = value;
  for (let times = 1 + (random.integer(3) === 0 ? random.integer(4) : 0); times > 0; times--)
    root = changeValue(root, random, others);
  return new TextEncoder().encode(JSON.stringify(root));
};

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

function changeValue(root: Json, random: Random, others: readonly Uint8Array[]): Json {
  // Down to a value: each step at random, so that what lies near the top is reached more often.
  let parent: Json[] | { [key: string]: Json } | null = null;
  let key: string | number = '';
  let at: Json = root;
  while (typeof at === 'object' && at !== null && (parent === null || random.integer(4) !== 0)) {
    const keys: (string | number)[] = Array.isArray(at) ? [...at.keys()].slice(0, 1000) : Object.keys(at);
    if (keys.length === 0) break;
    parent = at;
    key = random.pick(keys);
    at = (at as { [key: string]: Json })[key];
  }
  if (parent === null) return random.pick(oddValues);
  const record = parent as { [key: string]: Json };
  switch (random.integer(9)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(key as number, 1);
      else delete parent[key];
      return root;
    case 1:
      if (Array.isArray(parent)) parent.splice(key as number, 0, structuredClone(at));
      else
        Object.defineProperty(parent, random.pick(['__proto__', 'x', `${key}2`]), {
          value: at,
          enumerable: true,
          configurable: true,
          writable: true,
        });
      return root;
    case 2:
      if (typeof at === 'number')
        record[key] = random.pick([-at, at + 1, at - 1, at / 2, at * 1e6, at + 0.5]);
      else if (typeof at === 'string') record[key] = at.slice(0, random.integer(at.length + 1));
      return root;
    case 3:
      if (typeof at === 'string')
        record[key] = new TextDecoder().decode(mutateBytes(new TextEncoder().encode(at), random, others));
      return root;
    case 4: {
      const other = Object.values(parent) as Json[];
      record[key] = structuredClone(random.pick(other));
      return root;
    }
    default:
      record[key] = structuredClone(random.pick(oddValues));
      return root;
  }
}

const oddCells = [
  '',
  '0',
  '-1',
  '1e999',
  'NaN',
  '0.5',
  '"',
  '""',
  '=1+1',
  '../x',
  '\ufeff',
  'a,b',
  '\t',
  'é',
  'x'.repeat(200),
];

/** Tables: a cell or a row is exchanged, left out, doubled, moved. */
const mutateCells: Mutate = (bytes, random, others) => {
  const linesOf = (table: Uint8Array) => new TextDecoder().decode(table).split('\n');
  const changed = mutateList(
    linesOf(bytes),
    random,
    (line) => mutateList(line.split(','), random, () => random.pick(oddCells)).join(','),
    linesOf(random.pick(others)),
  );
  return concat([new TextEncoder().encode(changed.join('\n'))]);
};

export const mutateJson = oneOf([
  [8, mutateJsonText],
  [1, mutateBytes],
]);

export const mutateTable = oneOf([
  [4, mutateCells],
  [1, mutateBytes],
]);
