/**
 * @file What a file is by its first bytes, so that one kind given in the place of another is told as what it is, and not
 * as a damaged file of the kind that was expected.
 */

/** A kind of file, in words for an error. */
export interface FileKind {
  /** With its article: `a WAV sound file`. */
  readonly what: string;
  /** Whether it is a recording, so that it may be in the place of a model, or a model in its place. */
  readonly sound?: true;
  readonly hint?: string;
}

const fromPyTorch =
  'Convert it in Python: torch.onnx.export(model, …) for a model, safetensors.torch.save_file(…) for weights.';

/** The kind that bytes are of, as far as their beginning tells; null where it tells nothing. */
export function fileKind(bytes: Uint8Array): FileKind | null {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 512));
  const at = (offset: number, mark: string) => text.startsWith(mark, offset);
  if (at(4, 'TFL3'))
    return {
      what: 'a TensorFlow Lite model',
      hint: 'Convert it to ONNX in Python: python -m tf2onnx.convert --tflite MODEL.tflite --output model.onnx',
    };
  if ((at(0, 'RIFF') || at(0, 'RF64')) && at(8, 'WAVE')) return { what: 'a WAV sound file', sound: true };
  if (at(0, 'fLaC')) return { what: 'a FLAC sound file', sound: true };
  if (at(0, 'OggS')) return { what: 'an Ogg sound file', sound: true };
  if (at(0, 'ID3') || (bytes[0] === 0xff && (bytes[1] & 0xe6) === 0xe2))
    return { what: 'an MP3 sound file', sound: true };
  if (at(0, 'FORM') && (at(8, 'AIFF') || at(8, 'AIFC'))) return { what: 'an AIFF sound file', sound: true };
  if (at(4, 'ftyp')) return { what: 'an MP4 file', sound: true };
  if (at(0, 'PK\x03\x04'))
    return text.includes('.npy')
      ? { what: 'a NumPy archive (.npz)' }
      : /data\.pkl|archive\/|\.data\//.test(text)
        ? { what: 'a PyTorch file (.pt, .pth, .bin)', hint: fromPyTorch }
        : {
            what: 'a zip archive',
            hint: 'Unpack it, and name the file in it. A .keras file is an archive too: save the model as HDF5 or ONNX.',
          };
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
    return { what: 'a Python pickle, such as an old PyTorch file', hint: fromPyTorch };
  if (at(0, '\x89HDF\r\n\x1a\n')) return { what: 'an HDF5 file, such as Keras weights' };
  if (at(0, '\x93NUMPY')) return { what: 'a NumPy array (.npy)' };
  if (at(0, '\x1f\x8b')) return { what: 'a gzip file', hint: 'Unpack it first: gunzip FILE.' };
  if (at(0, 'PAR1')) return { what: 'a Parquet table' };
  if (at(0, '\x89PNG') || at(0, '\xff\xd8\xff')) return { what: 'a picture' };
  if (at(0, '%PDF')) return { what: 'a PDF document' };
  if (at(0, 'version https://git-lfs'))
    return {
      what: "Git LFS's pointer to a file, not the file",
      hint: 'Fetch the file itself: git lfs pull.',
    };
  if (/^\uFEFF?\s*<(!doctype|html|\?xml)/i.test(text))
    return {
      what: 'a web page',
      hint: 'Its address probably leads to a page about the file: take the address of the file itself.',
    };
  if (bytes.length > 10 && text[8] === '{' && bytes[7] === 0 && bytes[6] === 0)
    return { what: 'a safetensors file' };
  if (/^\s*[{[]\s*["\]}{[]/.test(text)) return { what: 'a JSON text' };
  return null;
}
