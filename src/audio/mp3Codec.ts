/**
 * @file mpg123 (WebAssembly, @audio/decode-mp3), fed frame by frame. The package's own loop prints to the console of
 * the whole process and repeats failing reads without end, so the loop is ours; hence its exact version in
 * package.json.
 */
import { joinSamples } from './audioData.ts';
import { unknownCodecBuildError } from './codecCalls.ts';

/** mpg123's answers that are no errors. */
const NEW_FORMAT = -11;
const NEED_MORE = -10;
/** A read may fail and the next one work; as many in a row as this never do. */
const MAX_FAILURES = 1000;

interface Allocated<T> {
  ptr: number;
  len: number;
  buf: T;
}

/** The parts of mpg123-decoder's object that are used here. */
interface Mpg123 {
  _decoder: number;
  _input: Allocated<Uint8Array>;
  _output: Allocated<Float32Array>;
  _samplesDecodedPtr: Allocated<Uint32Array>;
  _sampleRatePtr: Allocated<Uint32Array>;
  _errorStringPtr: Allocated<Uint32Array>;
  _common: {
    codeToString(pointer: number): string;
    wasm: {
      mpeg_decoder_feed(decoder: number, input: number, length: number): number;
      mpeg_decoder_read(
        decoder: number,
        output: number,
        length: number,
        samplesDecoded: number,
        sampleRate: number,
        error: number,
      ): number;
    };
  };
  free(): void;
}

function isMpg123(value: object): value is Mpg123 {
  const { _common, _input, _output, _decoder } = value as Partial<Mpg123>;
  return (
    typeof _decoder === 'number' &&
    typeof _common?.wasm?.mpeg_decoder_feed === 'function' &&
    typeof _common.wasm.mpeg_decoder_read === 'function' &&
    _input?.buf instanceof Uint8Array &&
    _output?.buf instanceof Float32Array
  );
}

export interface Mp3Codec {
  /** What comes out after `frames` went in; always two channels. `complaints` gets what mpg123 says. */
  decode(frames: Uint8Array, complaints: string[]): [Float32Array, Float32Array];
  free(): void;
}

let codec: Promise<typeof import('@audio/decode-mp3')> | null = null;

export async function createMp3Codec(): Promise<Mp3Codec> {
  codec ??= import('@audio/decode-mp3');
  const mpg123: object = await (await codec).decoder();
  if (!isMpg123(mpg123)) throw unknownCodecBuildError('@audio/decode-mp3');
  return {
    decode: (frames, complaints) => decode(mpg123, frames, complaints),
    free: () => mpg123.free(),
  };
}

function decode(mpg123: Mpg123, frames: Uint8Array, complaints: string[]): [Float32Array, Float32Array] {
  const { _decoder, _input, _output, _samplesDecodedPtr, _sampleRatePtr, _errorStringPtr, _common } = mpg123;
  const { wasm } = _common;
  const parts: [Float32Array, Float32Array][] = [];
  for (let at = 0; at < frames.length; at += _input.len) {
    const piece = frames.subarray(at, at + _input.len);
    _input.buf.set(piece);
    let answer = wasm.mpeg_decoder_feed(_decoder, _input.ptr, piece.length);
    for (let failures = 0; answer !== NEED_MORE && failures < MAX_FAILURES; ) {
      _samplesDecodedPtr.buf[0] = 0;
      answer = wasm.mpeg_decoder_read(
        _decoder,
        _output.ptr,
        _output.len,
        _samplesDecodedPtr.ptr,
        _sampleRatePtr.ptr,
        _errorStringPtr.ptr,
      );
      const count = _samplesDecodedPtr.buf[0];
      if (count > 0) parts.push([_output.buf.slice(0, count), _output.buf.slice(count, 2 * count)]);
      if (answer !== 0 && answer !== NEW_FORMAT && answer !== NEED_MORE) {
        complaints.push(
          `${answer} ${_common.codeToString(_errorStringPtr.buf[0])}`.replace(/\s+/g, ' ').trim(),
        );
        failures++;
      }
    }
  }
  return [joinSamples(parts.map(([left]) => left)), joinSamples(parts.map(([, right]) => right))];
}
