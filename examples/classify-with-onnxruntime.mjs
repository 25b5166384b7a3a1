// Runs a model that `earshot train` wrote with bare ONNX Runtime: no Earshot code is imported here.
//
//   node examples/classify-with-onnxruntime.mjs runs/cnn/model.onnx clip.wav
//
// The model takes the waveform itself; the front end, the network and the softmax are inside. Everything else that is
// needed (the classes and the sample rate) is in the model's metadata, which this program reads from the file.
import { readFileSync } from 'node:fs';
import ort from 'onnxruntime-node';

const [modelPath, wavPath] = process.argv.slice(2);
if (modelPath === undefined || wavPath === undefined) {
  console.error('Usage: node classify-with-onnxruntime.mjs MODEL.onnx CLIP.wav');
  process.exit(2);
}

const model = readFileSync(modelPath);
const metadata = readMetadata(model);
const classes = JSON.parse(metadata.get('classes'));
const sampleRate = Number(metadata.get('sample_rate'));

const wav = readWav16(readFileSync(wavPath));
if (wav.sampleRate !== sampleRate) {
  console.error(
    `${wavPath} has ${wav.sampleRate} Hz, the model takes ${sampleRate} Hz. Convert it, for instance with`,
  );
  console.error(`  ffmpeg -i ${wavPath} -ac 1 -ar ${sampleRate} -c:a pcm_s16le converted.wav`);
  process.exit(1);
}

const session = await ort.InferenceSession.create(model);
const { probabilities, embedding } = await session.run({
  waveform: new ort.Tensor('float32', wav.samples, [1, wav.samples.length]),
});
const ranked = classes
  .map((label, i) => ({ label, probability: probabilities.data[i] }))
  .sort((a, b) => b.probability - a.probability);
for (const { label, probability } of ranked.slice(0, 3)) console.log(`${label} ${probability.toFixed(6)}`);
console.log(`embedding: ${embedding.dims.at(-1)} numbers`);
await session.release();

/** Mono samples (the mean of the channels) of a 16-bit PCM WAV file. */
function readWav16(bytes) {
  const text = (at) => bytes.toString('latin1', at, at + 4);
  if (text(0) !== 'RIFF' || text(8) !== 'WAVE') throw new Error('This is no WAV file.');
  let format = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    const body = at + 8;
    if (text(at) === 'fmt ') {
      const [code, channels] = [bytes.readUInt16LE(body), bytes.readUInt16LE(body + 2)];
      const bits = bytes.readUInt16LE(body + 14);
      if ((code !== 1 && code !== 0xfffe) || bits !== 16)
        throw new Error('This program reads 16-bit PCM only.');
      format = { channels, sampleRate: bytes.readUInt32LE(body + 4) };
    } else if (text(at) === 'data' && format !== null) {
      const frames = Math.floor(Math.min(size, bytes.length - body) / (2 * format.channels));
      const samples = new Float32Array(frames);
      for (let n = 0; n < frames; n++) {
        let sum = 0;
        for (let c = 0; c < format.channels; c++)
          sum += bytes.readInt16LE(body + 2 * (n * format.channels + c));
        samples[n] = sum / format.channels / 32768;
      }
      return { sampleRate: format.sampleRate, samples };
    }
    at = body + size + (size % 2);
  }
  throw new Error('This WAV file holds no samples.');
}

/**
 * The `metadata_props` of an ONNX file: field 14 of the protobuf message, each a message of key (1) and value (2).
 * (ONNX Runtime shows them in Python, C and C++; its Node package does not.)
 */
function readMetadata(bytes) {
  const found = new Map();
  for (const [field, value] of fields(bytes)) {
    if (field !== 14) continue;
    const entry = new Map(fields(value));
    found.set(entry.get(1).toString(), entry.get(2).toString());
  }
  return found;
}

/** Fields of a protobuf message; only those with bytes in them have a value. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag % 8 === 2) {
      const length = varint();
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    } else if (tag % 8 === 0) varint();
    else at += tag % 8 === 1 ? 8 : 4;
  }
}
