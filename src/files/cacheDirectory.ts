/** @file Where things that can be made again are kept. */
import { resolve } from 'node:path';

/** The cache folder: the environment variable `EARSHOT_CACHE`, else `.earshot/cache` in the working directory. */
export function cacheDirectory(): string {
  return resolve(process.env['EARSHOT_CACHE'] || '.earshot/cache');
}
