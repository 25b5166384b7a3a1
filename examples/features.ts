/**
 * Features of a recording, from the library alone: no training, no ONNX Runtime.
 *
 *   npm run build && npx tsx examples/features.ts clip.wav
 *
 * Without a file, half a second of a rising tone.
 */
import { type AudioData, readAudio, resample, toMono } from 'earshot/audio';
import {
  logMel,
  logMelSpec,
  mfcc,
  rms,
  spectralCentroid,
  spectrogram,
  zeroCrossingRate,
} from 'earshot/features';

const path = process.argv[2];
const audio = path === undefined ? risingTone() : await readAudio(path);
for (const warning of audio.warnings) console.error(warning);

// One channel at the rate the front end is made for.
const spec = logMelSpec({ sampleRate: 22050, nFft: 2048, hopLength: 512, nMels: 64 });
const samples = resample(toMono(audio), audio.sampleRate, spec.sampleRate);

const { data, nMels, nFrames } = logMel(samples, spec);
const loudest = data.reduce((best, value, i) => (value > data[best] ? i : best), 0);
console.log(`log-mel: ${nMels} bands × ${nFrames} frames`);
console.log(`loudest: band ${Math.floor(loudest / nFrames)}, frame ${loudest % nFrames}`);

const coefficients = mfcc(samples, { ...spec, nMfcc: 13 });
console.log(`MFCC: ${coefficients.nMfcc} × ${coefficients.nFrames}`);

// Centroid and its kin take magnitudes, so power 1.
const magnitudes = spectrogram(samples, { nFft: spec.nFft, hopLength: spec.hopLength, power: 1 });
const centroid = spectralCentroid(magnitudes, { sampleRate: spec.sampleRate });
console.log(
  `centroid: ${centroid[0].toFixed(0)} Hz at the start, ${centroid.at(-1)!.toFixed(0)} Hz at the end`,
);
console.log(
  `level: ${mean(rms(samples)).toFixed(3)}, zero crossings: ${mean(zeroCrossingRate(samples)).toFixed(3)}`,
);

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function risingTone(): AudioData {
  const sampleRate = 44100;
  const tone = Float32Array.from({ length: sampleRate / 2 }, (_, n) => {
    const t = n / sampleRate;
    return 0.5 * Math.sin(2 * Math.PI * (500 * t + 3000 * t * t));
  });
  return { sampleRate, channelData: [tone], warnings: [] };
}
