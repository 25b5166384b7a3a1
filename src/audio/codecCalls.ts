/** @file How the WebAssembly codecs are called: their failures become ours, and letting go of them hides none. */
import { DecodeError, EarshotError, RuntimeError } from '../core/errors.ts';

/**
 * Runs a call into a codec.
 * @throws DecodeError naming the file in place of whatever the codec throws, traps of WebAssembly included.
 */
export function callCodec<T>(name: string, codec: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof EarshotError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DecodeError(`${name} could not be decoded as ${codec}: ${reason.replace(/\.$/, '')}.`, {
      hint: 'The file is damaged; get it again or remove it.',
      cause: error,
    });
  }
}

/** Frees a codec's memory. One that has trapped may trap again here, which must not hide the first failure. */
export function freeCodec(codec: { free(): void }): void {
  try {
    codec.free();
  } catch {
    // Nobody holds the instance any more, so its memory goes with it.
  }
}

export function noSamplesError(name: string, codec: string): DecodeError {
  return new DecodeError(`${name} is a ${codec} file from which not one sample could be decoded.`, {
    hint: 'The file is cut off or damaged; get it again or remove it.',
  });
}

/** The error for a codec package of another build than the one that package.json names. */
export function unknownCodecBuildError(packageName: string): RuntimeError {
  return new RuntimeError(
    `The installed ${packageName} is not built as the version that Earshot was made for.`,
    {
      hint: 'Install the version that Earshot asks for: npm install earshot.',
    },
  );
}
