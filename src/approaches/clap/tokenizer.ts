/** @file Prompts to token ids, by the tokenizer that a CLAP model comes with. */
import { join } from 'node:path';
import type { Tokenizer } from '@huggingface/tokenizers';
import * as z from 'zod';
import { checkRecord, int64, type Tensor, WeightsError } from '../../core/index.ts';
import { readRecord, requireRecord } from '../../files/index.ts';
import { withinTime } from '../../parallel/index.ts';

/** Tokens of a prompt at most, start and end included: what LAION trained with. */
export const clapMaxTokens = 77;

/** Prompts as one batch. */
export interface TokenBatch {
  /** int64 [N, tokens], padded at the end to the longest. */
  readonly ids: Tensor<'int64'>;
  /** int64 [N, tokens]: 1 for tokens, 0 for padding. */
  readonly mask: Tensor<'int64'>;
}

/** Of tokenizer.json, what decides ids; the tokenizer's own library reads the rest. */
const tokenId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const tokenizerRecord = z.looseObject({
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.union([z.record(z.string(), tokenId), z.array(z.tuple([z.string(), z.number()]))]),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).optional(),
    dropout: z.null().optional(),
  }),
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })).nullish(),
});

/** Time for one prompt, at most; a whole one takes well below a millisecond. */
const promptMilliseconds = 1000;
/** Characters of a prompt at most: a token has one at least, but for a few dozen that are cut off anyway. */
const promptCharacters = 10_000;

export class ClapTokenizer {
  private constructor(
    private readonly tokenizer: Tokenizer,
    private readonly padToken: number,
    private readonly path: string,
  ) {}

  /**
   * Reads tokenizer.json, and tokenizer_config.json where it is there.
   * @param padToken the id that fills up shorter prompts
   * @throws {WeightsError} when it cannot be read, or is no tokenizer
   */
  static async open(folder: string, padToken: number): Promise<ClapTokenizer> {
    const path = join(folder, 'tokenizer.json');
    const about = {
      what: 'a tokenizer',
      hint: 'It must be the tokenizer.json that the model was published with.',
    };
    const json = await requireRecord(path, tokenizerRecord, { ...about, error: WeightsError });
    const config = await readRecord(join(folder, 'tokenizer_config.json'), z.looseObject({}), {
      what: 'the settings of a tokenizer',
      error: WeightsError,
    });
    return ClapTokenizer.fromRecords(json, config ?? {}, padToken, path);
  }

  /** The same from the content of both files. @throws {WeightsError} */
  static async fromRecords(
    json: unknown,
    config: object,
    padToken: number,
    path: string,
  ): Promise<ClapTokenizer> {
    const { Tokenizer } = await import('@huggingface/tokenizers');
    const checked = checkRecord(tokenizerRecord, json, {
      name: path,
      what: 'a tokenizer',
      error: WeightsError,
    });
    const tokenizer = guarded(path, 'to be opened', () => new Tokenizer(checked, config));
    return new ClapTokenizer(tokenizer, padToken, path);
  }

  /**
   * Ids of one text, from the start token to the end token; what is beyond {@link clapMaxTokens} is cut off before it.
   * @throws {WeightsError} when the tokenizer fails, or its regular expressions take longer than a second
   */
  encode(text: string): number[] {
    const { ids }: { ids: readonly number[] } = guarded(this.path, 'for one prompt', () =>
      this.tokenizer.encode(text.slice(0, promptCharacters)),
    );
    if (ids.length === 0 || !ids.every((id) => tokenId.safeParse(id).success))
      throw new WeightsError(
        `${this.path} gives a prompt tokens that are none: ${ids.slice(0, 5).join(', ')}.`,
      );
    return ids.length <= clapMaxTokens ? [...ids] : [...ids.slice(0, clapMaxTokens - 1), ids.at(-1)!];
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

/** The file's own regular expressions run here: some take exponential time. */
function guarded<T>(path: string, what: string, work: () => T): T {
  const fail = (why: string) => (cause: unknown) =>
    new WeightsError(`${path} is not a tokenizer that can be used: ${why}.`, {
      hint: 'It must be the tokenizer.json that the model was published with.',
      cause,
    });
  const late = fail(`it takes more than ${promptMilliseconds / 1000} s ${what}`);
  try {
    return withinTime(work, promptMilliseconds, late);
  } catch (error) {
    throw error instanceof WeightsError
      ? error
      : fail(error instanceof Error ? error.message : String(error))(error);
  }
}
