/** @file How the WebAssembly codecs are called: their failures and their console output become ours. */
import { DecodeError, EarshotError } from '../core/errors.ts';

/**
 * Runs a synchronous codec call. The libraries print what they find to console.error; that belongs in the
 * result, so it is caught for the duration of the call (nothing else can run meanwhile).
 * @throws DecodeError in place of whatever the codec throws.
 */
export function callCodec<T>(
  name: string,
  codec: string,
  call: () => T,
): { result: T; complaints: string[] } {
  const complaints: string[] = [];
  const print = console.error;
  console.error = (...words: unknown[]) => {
    complaints.push(words.join(' ').replace(/\s+/g, ' ').trim());
  };
  try {
    return { result: call(), complaints };
  } catch (error) {
    if (error instanceof EarshotError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DecodeError(`${name} could not be decoded as ${codec}: ${reason.replace(/\.$/, '')}.`, {
      hint: 'The file is damaged; get it again or remove it.',
      cause: error,
    });
  } finally {
    console.error = print;
  }
}

export function noSamplesError(name: string, codec: string): DecodeError {
  return new DecodeError(`${name} is a ${codec} file from which not one sample could be decoded.`, {
    hint: 'The file is cut off or damaged; get it again or remove it.',
  });
}
