/** @file Ogg Vorbis through libvorbis (WebAssembly, @audio/decode-vorbis). */
import { DecodeError } from '../core/errors.ts';
import type { AudioData } from './audioData.ts';
import { callCodec, noSamplesError } from './codecCalls.ts';
import { latin1 } from './detectFormat.ts';
import { checkSampleCount } from './limits.ts';
import { type OggPacket, type OggStream, readPackets, repairedStream } from './ogg.ts';

type VorbisDecoder = Awaited<ReturnType<typeof import('@audio/decode-vorbis').decoder>>;

/**
 * One decoder serves all files: it resets itself after every complete stream, and it is only ever given
 * complete ones. A new instance per file takes nearly as long as decoding a four-second clip.
 */
let shared: Promise<VorbisDecoder> | null = null;

function loadDecoder(): Promise<VorbisDecoder> {
  shared ??= import('@audio/decode-vorbis').then((codec) => codec.decoder());
  return shared;
}

/** The fields of the identification packet (Vorbis I specification, 4.2.2). */
export function readVorbisHeader(packets: OggPacket[], name: string) {
  const id = packets[0].data;
  const view = new DataView(id.buffer, id.byteOffset, id.byteLength);
  const channels = id.length >= 30 ? id[11] : 0;
  const sampleRate = id.length >= 30 ? view.getUint32(12, true) : 0;
  if (channels === 0 || sampleRate === 0) {
    throw new DecodeError(
      `${name} is an Ogg Vorbis file whose header states ${channels} channels at ${sampleRate} Hz, so it cannot be played.`,
      { hint: 'The header is damaged; get the file again or remove it.' },
    );
  }
  return { channels, sampleRate, longBlock: 1 << (id[28] >> 4) };
}

/** @throws DecodeError if headers are missing, libvorbis refuses them, or no sample comes out. */
export async function decodeVorbis(stream: OggStream, name: string, maxSamples: number): Promise<AudioData> {
  const packets = readPackets(stream);
  const header = readVorbisHeader(packets, name);
  if (packets.length < 3 || latin1(packets[2].data, 0, 7) !== '\x05vorbis') {
    throw new DecodeError(
      `${name} is an Ogg Vorbis file without its setup header, so it cannot be decoded.`,
      {
        hint: 'The file is cut off or damaged; get it again or remove it.',
      },
    );
  }
  // No packet yields more than half a long block. Most yield less: hence four times the limit here.
  checkSampleCount(((packets.length - 3) * header.longBlock) / 2, header.channels, 4 * maxSamples, name);
  const bytes = repairedStream(stream);
  let loading = loadDecoder();
  let decoder = await loading;
  // Another file may have broken and freed the decoder while this one waited for it.
  while (loading !== shared) {
    loading = loadDecoder();
    decoder = await loading;
  }
  try {
    const { result } = callCodec(name, 'Ogg Vorbis', () => decoder.decode(bytes));
    const channelData = [...result.channelData];
    if (channelData.length === 0 || channelData[0].length === 0) throw noSamplesError(name, 'Ogg Vorbis');
    checkSampleCount(channelData[0].length, channelData.length, maxSamples, name);
    const warnings: string[] = [];
    if (!stream.ended) warnings.push('The file is truncated: its Ogg stream has no end.');
    return { sampleRate: header.sampleRate, channelData, warnings };
  } catch (error) {
    shared = null;
    decoder.free();
    throw error;
  }
}
