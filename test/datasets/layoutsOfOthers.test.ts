import { describe, expect, it } from 'vitest';
import { DatasetError } from '../../src/core/index.ts';
import {
  crossValidationFolds,
  openDataset,
  splitDataset,
  validationSplit,
} from '../../src/datasets/index.ts';
import { chosenSplits } from '../../src/workflows/splits.ts';
import { escHeader, makeFolder } from './layouts.ts';

const told = ({ notices }: { notices: readonly { message: string }[] }) =>
  notices.map(({ message }) => message).join('\n');

const failure = async (promise: Promise<unknown>): Promise<DatasetError> => {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
};

/** Files with some content each, so that none is a copy of another. */
const files = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]));

describe('segments of files', () => {
  const rows = 'path,label,start,end\nx.wav,dog,0,1.5\nx.wav,cat,1.5,3\ny.wav,dog,,\ny.wav,cat,0.5,\n';

  it('are clips of their own, told apart by id, in the group of their file', async () => {
    const dataset = await openDataset(await makeFolder({ 'manifest.csv': rows, ...files('x.wav', 'y.wav') }));
    expect(dataset.clips.map(({ id, label, group, start, end }) => [id, label, group, start, end])).toEqual([
      ['x.wav#t=0,1.5', 'dog', 'x.wav', 0, 1.5],
      ['x.wav#t=1.5,3', 'cat', 'x.wav', 1.5, 3],
      ['y.wav', 'dog', 'y.wav', undefined, undefined],
      ['y.wav#t=0.5', 'cat', 'y.wav', 0.5, undefined],
    ]);
    expect(told(dataset)).toContain('3 clips are segments of 2 files');
    expect(told(dataset)).not.toContain('not used');
    expect(crossValidationFolds(dataset, { k: 2 }).map(({ leak }) => leak.leakedClips)).toEqual([0, 0]);
  });

  it.each([
    ['onset and offset', 'filename,onset,offset,event_label\nx.wav,1,2.5,dog\n', [1, 2.5]],
    ['onset and duration', 'filename,onset,duration,label\nx.wav,1,0.2,dog\n', [1, 1.2]],
    ['offset and duration', 'audio_filepath,offset,duration,label\nx.wav,1,0.5,dog\n', [1, 1.5]],
    ['a duration alone', 'path,duration,label\nx.wav,7,dog\n', [undefined, undefined]],
  ])('are read off %s', async (_, table, times) => {
    const dataset = await openDataset(await makeFolder({ 'manifest.csv': table, ...files('x.wav') }));
    expect(dataset.clips.map(({ start, end }) => [start, end])).toEqual([times]);
  });

  it.each([
    ['2,1', 'no length'],
    ['-1,1', "the start '-1'"],
    ['1;2,3', "the start '1;2'"],
  ])('that make no sense (%s) are refused by line', async (times, words) => {
    const root = await makeFolder({
      'manifest.csv': `path,label,start,end\nx.wav,a,0,1\nx.wav,b,${times}\n`,
      ...files('x.wav'),
    });
    const { message } = await failure(openDataset(root));
    expect(message).toContain('manifest.csv, line 3');
    expect(message).toContain(words);
  });

  it('that are one and the same under two labels are refused', async () => {
    const root = await makeFolder({
      'manifest.csv': 'path,label,start,end\nx.wav,a,0,1\nx.wav,b,0,1\n',
      ...files('x.wav'),
    });
    expect((await failure(openDataset(root))).hint).toContain('start and end');
  });
});

describe('a split that comes with the dataset', () => {
  const names = Array.from({ length: 12 }, (_, i) => `${i}.wav`);
  const table = (words: readonly string[]) =>
    `path,label,split\n${names.map((name, i) => `${name},${i % 2 ? 'a' : 'b'},${words[i % 4 < 2 ? 0 : i % 4 === 2 ? 1 : 2]}`).join('\n')}\n`;

  it.each([[['train', 'test', 'test']], [['Training', 'eval', 'testing']]])(
    'is used instead of one that is drawn (%s)',
    async (words) => {
      const dataset = await openDataset(
        await makeFolder({ 'manifest.csv': table(words), ...files(...names) }),
      );
      const [split] = chosenSplits(dataset, {});
      expect(split!.kind).toBe('given');
      expect(split!.test.map(({ id }) => id)).toEqual(names.filter((_, i) => i % 4 > 1));
      expect(split!.train.map(({ id }) => id)).toEqual(names.filter((_, i) => i % 4 < 2));
      expect(told(dataset)).toContain('6 train, 0 validation, 6 test');
      // Another one is drawn where it is asked for.
      expect(splitDataset(dataset, { kind: 'grouped' }).test.length).toBeLessThan(6);
    },
  );

  it('keeps its validation side out of training and of the test', async () => {
    const dataset = await openDataset(
      await makeFolder({ 'manifest.csv': table(['train', 'valid', 'test']), ...files(...names) }),
    );
    const split = splitDataset(dataset, { kind: 'given' });
    const parts = validationSplit(split.train);
    expect(parts.validation.map(({ id }) => id)).toEqual(['2.wav', '6.wav', '10.wav']);
    expect(parts.train.length).toBe(6);
    expect(split.test.map(({ id }) => id)).toEqual(['3.wav', '7.wav', '11.wav']);
  });

  it('counts a recording on both of its sides as a leak', async () => {
    const root = await makeFolder({
      'manifest.csv':
        'path,label,split,group\n0.wav,a,train,r\n1.wav,b,train,s\n2.wav,a,test,r\n3.wav,b,test,t\n',
      ...files(...names),
    });
    const { leak } = splitDataset(await openDataset(root), { kind: 'given' });
    expect([leak.leakedClips, leak.share]).toEqual([1, 0.5]);
  });

  it('of words that are no sides is refused by line, and a column subset of other words is no split', async () => {
    const root = await makeFolder({ 'manifest.csv': table(['train', 'test', 'maybe']), ...files(...names) });
    expect((await failure(openDataset(root))).message).toContain("line 5: the split 'maybe'");
    const other = await makeFolder({
      'manifest.csv': 'path,label,subset\n0.wav,a,train\n1.wav,b,clean\n',
      ...files(...names),
    });
    const dataset = await openDataset(other);
    expect(dataset.clips.every(({ side }) => side === undefined)).toBe(true);
    expect(told(dataset)).toContain('not used: subset');
  });
});

describe('tables of others', () => {
  it.each([
    ['filename,category', 'x.wav,dog'],
    ['fname,labels', 'x,dog'],
    ['file_name,label', 'x.wav,dog'],
    ['audio,class', 'x.wav,dog'],
    ['Filepath,Target', 'x.wav,dog'],
    ['File;Species', 'x.wav;dog'],
  ])('with the header %s are understood, and told what was taken for what', async (header, row) => {
    const dataset = await openDataset(
      await makeFolder({ 'manifest.csv': `${header}\n${row}\n`, ...files('x.wav') }),
    );
    expect(dataset.clips.map(({ id, label }) => [id, label])).toEqual([['x.wav', 'dog']]);
    const [path] = header.toLowerCase().split(/[,;]/);
    expect(told(dataset)).toContain(`${path} as the path`);
  });

  it('that hold several labels for a clip are refused by line', async () => {
    const root = await makeFolder({ 'manifest.csv': 'fname,labels\nx,"Bark,Dog"\n', ...files('x.wav') });
    expect((await failure(openDataset(root))).message).toContain(
      'line 2: the column labels holds several labels',
    );
  });

  it('that lack labels say which names are understood', async () => {
    const root = await makeFolder({ 'manifest.csv': 'path,transcript\nx.wav,hello\n', ...files('x.wav') });
    const { message, hint } = await failure(openDataset(root));
    expect(message).toContain('the column label is missing; the header holds path, transcript');
    expect(hint).toContain('category');
  });

  it('may lie beside the folder of the sounds', async () => {
    const dataset = await openDataset(
      await makeFolder({
        'train.csv': 'fname,label,manually_verified\na.wav,Bark,1\nb.wav,Cello,0\n',
        ...files('audio_train/a.wav', 'audio_train/b.wav', 'audio_test/c.wav'),
      }),
    );
    expect(dataset.clips.map(({ id, label }) => `${id} ${label}`)).toEqual([
      'audio_train/a.wav Bark',
      'audio_train/b.wav Cello',
    ]);
    expect(told(dataset)).toContain('were found in audio_train');
    expect(told(dataset)).toContain('not used: manually_verified');
  });

  it('of DCASE give scene and place', async () => {
    const dataset = await openDataset(
      await makeFolder({
        'meta.csv':
          'filename\tscene_label\tidentifier\tsource_label\naudio/airport-1.wav\tairport\tbarcelona-0\ta\n',
        ...files('audio/airport-1.wav'),
      }),
    );
    expect(dataset.clips[0]).toMatchObject({ label: 'airport', group: 'barcelona-0' });
  });

  it('several in one folder are named', async () => {
    const root = await makeFolder({
      'labels.csv': 'path,label\na.wav,x\n',
      'meta.csv': 'path,label\na.wav,y\n',
      ...files('a.wav'),
    });
    expect((await failure(openDataset(root))).message).toContain(
      'several tables of files and labels: labels.csv, meta.csv',
    );
  });
});

describe("Hugging Face's audiofolder", () => {
  const expected = ['a.wav dog train', 'b.wav cat train', 'c.wav dog test', 'd.wav cat test'];
  const shape = (dataset: Awaited<ReturnType<typeof openDataset>>) =>
    dataset.clips.map(({ id, label, side }) => `${id.split('/').at(-1)} ${label} ${side}`).sort();

  it('of metadata.csv with a column split', async () => {
    const dataset = await openDataset(
      await makeFolder({
        'metadata.csv':
          'file_name,label,split\ndata/a.wav,dog,train\ndata/b.wav,cat,train\ndata/c.wav,dog,test\ndata/d.wav,cat,test\n',
        ...files('data/a.wav', 'data/b.wav', 'data/c.wav', 'data/d.wav'),
      }),
    );
    expect(shape(dataset)).toEqual(expected);
  });

  it('of metadata.jsonl in train and test', async () => {
    const line = (name: string, label: string) => JSON.stringify({ file_name: name, label, extra: { x: 1 } });
    const dataset = await openDataset(
      await makeFolder({
        'train/metadata.jsonl': `${line('a.wav', 'dog')}\n${line('b.wav', 'cat')}\n`,
        'test/metadata.jsonl': `${line('c.wav', 'dog')}\n\n${line('d.wav', 'cat')}\n`,
        ...files('train/a.wav', 'train/b.wav', 'test/c.wav', 'test/d.wav'),
      }),
    );
    expect(shape(dataset)).toEqual(expected);
    expect(dataset.clips[0].id).toBe('test/c.wav');
  });

  it('of class folders below train and test', async () => {
    const dataset = await openDataset(
      await makeFolder(files('train/dog/a.wav', 'train/cat/b.wav', 'test/dog/c.wav', 'test/cat/d.wav')),
    );
    expect(shape(dataset)).toEqual(expected);
    expect(dataset).toMatchObject({ kind: 'folders', classes: ['cat', 'dog'] });
  });

  it('names the line of metadata.jsonl that is damaged', async () => {
    const root = await makeFolder({
      'x.jsonl': '{"file_name":"a.wav","label":"x"}\n{"file\n',
      ...files('a.wav'),
    });
    expect((await failure(openDataset(`${root}/x.jsonl`))).message).toContain('x.jsonl, line 2');
  });

  it('refuses sides that hold no classes', async () => {
    const error = await failure(openDataset(await makeFolder(files('train/a.wav', 'test/b.wav'))));
    expect(error.message).toContain('the sides of a split (test, train) without class folders');
  });
});

describe('downloads as they come', () => {
  it("opens Kaggle's UrbanSound8K, its table beside its folds", async () => {
    const root = await makeFolder({
      'UrbanSound8K.csv':
        'slice_file_name,fsID,start,end,salience,fold,classID,class\n1-0-0-0.wav,1,0,4,1,1,0,siren\n2-0-0-0.wav,2,0,4,1,2,0,drilling\n',
      ...files('fold1/1-0-0-0.wav', 'fold2/2-0-0-0.wav'),
    });
    for (const path of [root, `${root}/UrbanSound8K.csv`]) {
      const dataset = await openDataset(path);
      expect(dataset).toMatchObject({ kind: 'urbansound8k', officialFolds: true });
      expect(dataset.clips.map(({ id, group }) => `${id} ${group}`)).toEqual([
        'fold1/1-0-0-0.wav 1',
        'fold2/2-0-0-0.wav 2',
      ]);
    }
  });

  it("opens Kaggle's ESC-50, whose sounds lie in audio/audio", async () => {
    const root = await makeFolder({
      'esc50.csv': `${escHeader}\n1-1-A-0.wav,1,0,dog,True,1,A\n`,
      ...files('audio/audio/1-1-A-0.wav'),
    });
    const dataset = await openDataset(root);
    expect(dataset.kind).toBe('esc50');
    expect(dataset.clips[0]).toMatchObject({ id: 'audio/audio/1-1-A-0.wav', label: 'dog' });
  });

  it('opens Speech Commands with its lists, and takes its noise for no class', async () => {
    const root = await makeFolder({
      'testing_list.txt': 'no/0a7c2a8e_nohash_0.wav\nyes/0a7c2a8e_nohash_0.wav\nyes/gone_nohash_0.wav\n',
      'validation_list.txt': 'yes/0a7c2a8f_nohash_0.wav\n',
      ...files('_background_noise_/pink.wav', 'yes/0a7c2a8d_nohash_0.wav', 'no/0a7c2a8d_nohash_0.wav'),
      ...files('yes/0a7c2a8e_nohash_0.wav', 'no/0a7c2a8e_nohash_0.wav', 'yes/0a7c2a8f_nohash_0.wav'),
    });
    const dataset = await openDataset(root);
    expect(dataset.classes).toEqual(['no', 'yes']);
    expect(dataset.clips.map(({ id, side }) => `${side} ${id}`)).toEqual([
      'train no/0a7c2a8d_nohash_0.wav',
      'test no/0a7c2a8e_nohash_0.wav',
      'train yes/0a7c2a8d_nohash_0.wav',
      'test yes/0a7c2a8e_nohash_0.wav',
      'validation yes/0a7c2a8f_nohash_0.wav',
    ]);
    expect(told(dataset)).toContain('_background_noise_ holds noise');
    expect(told(dataset)).toContain('of whose files 1 are not there');
  });

  it('opens RAVDESS by the codes of its names, once though everything is there twice', async () => {
    const names = ['Actor_01/03-01-05-01-01-01-01.wav', 'Actor_02/03-01-08-02-01-02-02.wav'];
    const dataset = await openDataset(
      await makeFolder(files(...names, ...names.map((name) => `audio_speech_actors_01-24/${name}`))),
    );
    expect(dataset.clips.map(({ label, group }) => `${label} by ${group}`)).toEqual([
      'angry by actor 01',
      'surprised by actor 02',
    ]);
    expect(told(dataset)).toContain('taken once: 2');
  });

  it('says of FSD50K what was seen and what to write', async () => {
    const root = await makeFolder({
      'FSD50K.ground_truth/dev.csv': 'fname,labels,mids,split\n1,"Bark,Dog",/m/1,train\n',
      ...files('FSD50K.dev_audio/1.wav', 'FSD50K.eval_audio/2.wav'),
    });
    const { message, hint } = await failure(openDataset(root));
    expect(message).toContain('several labels');
    expect(hint).toContain('path, label and split');
  });
});

describe('folders around a dataset', () => {
  const esc = { 'meta/esc50.csv': `${escHeader}\n1-1-A-0.wav,1,0,dog,True,1,A\n`, 'audio/1-1-A-0.wav': 'x' };
  const below = (folder: string, content: Record<string, string>) =>
    Object.fromEntries(Object.entries(content).map(([name, text]) => [`${folder}/${name}`, text]));

  it.each([
    ['a wrapper', files('my-data/a/1.wav', 'my-data/b/2.wav', 'my-data/c/3.wav'), 'my-data'],
    ['several wrappers', files('x/y/a/1.wav', 'x/y/b/2.wav'), 'x/y'],
    [
      'the parent of genres_original',
      files('genres_original/blues/1.wav', 'genres_original/jazz/2.wav'),
      'genres_original',
    ],
    ['a lone train', files('train/a/1.wav', 'train/b/2.wav'), 'train'],
    ['the parent of audio', files('audio/fold1/1.wav', 'audio/fold2/2.wav'), 'audio'],
    ['the parent of ESC-50', below('ESC-50-master', esc), 'ESC-50-master'],
    ['the parent of two datasets', { ...below('one', esc), ...below('two', esc) }, 'one'],
  ])('are refused: %s', async (_, content, inner) => {
    const root = await makeFolder(content);
    const error = await failure(openDataset(root));
    expect(`${error.message} ${error.hint}`).toContain(`${root}/${inner}`);
  });

  it('of sounds alone lead back to the dataset they are a part of', async () => {
    const root = await makeFolder(esc);
    expect((await failure(openDataset(`${root}/audio`))).hint).toContain(`${root}: give that path`);
  });

  it('that are sessions around the same class folders are told', async () => {
    const dataset = await openDataset(
      await makeFolder(files('session1/a/1.wav', 'session1/b/2.wav', 'session2/a/3.wav', 'session2/b/4.wav')),
    );
    expect(told(dataset)).toContain(
      'The folders session1, session2 are taken as the classes, and all hold the same folders (a, b)',
    );
    const classes = await openDataset(
      await makeFolder(files('dog/indoors/1.wav', 'dog/2.wav', 'cat/indoors/3.wav')),
    );
    expect(told(classes)).not.toContain('taken as the classes');
  });
});

describe('labels that read as one', () => {
  it.each([
    ['case', ['Tone', 'tone']],
    ['blanks', ['car horn', 'car  horn']],
    ['underscores', ['car horn', 'car_horn']],
    ['Unicode form', ['caf\u00e9', 'cafe\u0301']],
  ])('but differ by %s are told', async (_, labels) => {
    const dataset = await openDataset(
      await makeFolder({
        'manifest.csv': `path,label\na.wav,${labels[0]}\nb.wav,${labels[1]}\nc.wav,other\n`,
        ...files('a.wav', 'b.wav', 'c.wav'),
      }),
    );
    expect(dataset.classes.length).toBe(3);
    const notice = dataset.notices.find(({ message }) => message.includes('read as one label'));
    for (const label of labels) expect(notice!.message).toContain(JSON.stringify(label));
  });

  it('are told of folders too, blanks at the end of a cell are trimmed, and numbers are left alone', async () => {
    expect(told(await openDataset(await makeFolder(files('Dog/1.wav', 'dog/2.wav'))))).toContain(
      'read as one label',
    );
    const dataset = await openDataset(
      await makeFolder({
        'manifest.csv': 'path,label\na.wav,"dog "\nb.wav,dog\nc.wav,-1\nd.wav,1\n',
        ...files('a.wav', 'b.wav', 'c.wav', 'd.wav'),
      }),
    );
    expect(dataset.classes).toEqual(['-1', '1', 'dog']);
    expect(told(dataset)).not.toContain('read as one label');
  });
});
