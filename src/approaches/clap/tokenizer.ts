/** @file Prompts to token ids, by the tokenizer that a CLAP model comes with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import { int64, type Tensor, WeightsError } from '../../core/index.ts';

/** Tokens of a prompt at most, start and end included: what LAION trained with. */
export const clapMaxTokens = 77;

/** Prompts as one batch. */
export interface TokenBatch {
  /** int64 [N, tokens], padded at the end to the longest. */
  readonly ids: Tensor<'int64'>;
  /** int64 [N, tokens]: 1 for tokens, 0 for padding. */
  readonly mask: Tensor<'int64'>;
}

export class ClapTokenizer {
  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly padToken: number,
  ) {}

  /**
   * Reads tokenizer.json, and tokenizer_config.json where it is there.
   * @param padToken the id that fills up shorter prompts
   * @throws {WeightsError} when it cannot be read, or is no tokenizer
   */
  static async open(folder: string, padToken: number): Promise<ClapTokenizer> {
    const path = join(folder, 'tokenizer.json');
    const json = await readJson(path);
    const config = await readJson(join(folder, 'tokenizer_config.json')).catch(() => ({}));
    const { Tokenizer } = await import('@huggingface/tokenizers');
    try {
      return new ClapTokenizer(new Tokenizer(json, config), padToken);
    } catch (cause) {
      throw new WeightsError(`${path} is not a tokenizer that can be used: ${(cause as Error).message}.`, {
        hint: 'It must be the tokenizer.json that the model was published with.',
        cause,
      });
    }
  }

  /** Ids of one text, from the start token to the end token; what is beyond {@link clapMaxTokens} is cut off before it. */
  encode(text: string): number[] {
    const { ids } = this.tokenizer.encode(text);
    return ids.length <= clapMaxTokens ? ids : [...ids.slice(0, clapMaxTokens - 1), ids.at(-1)!];
  }

  batch(texts: readonly string[]): TokenBatch {
    const rows = texts.map((text) => this.encode(text));
    const longest = Math.max(...rows.map((row) => row.length));
    const dims = [rows.length, longest];
    const places = rows.flatMap((row) => Array.from({ length: longest }, (_, i) => row[i]));
    return {
      ids: int64(
        dims,
        places.map((id) => id ?? this.padToken),
      ),
      mask: int64(
        dims,
        places.map((id) => (id === undefined ? 0 : 1)),
      ),
    };
  }
}

/** @throws {WeightsError} when there is no such file, or it is no JSON object */
export async function readJson(path: string): Promise<object> {
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json !== 'object' || json === null) throw new Error('it holds no object');
    return json;
  } catch (cause) {
    throw new WeightsError(`${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}
