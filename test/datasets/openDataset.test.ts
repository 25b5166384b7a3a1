import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatasetError, ParameterError } from '../../src/core/index.ts';
import { openDataset } from '../../src/datasets/index.ts';
import { escHeader, makeFolder, urbanSound8k } from './layouts.ts';

const some = ['a-3-0-0.wav,100,1,dog_bark', 'a-3-0-1.wav,100,1,dog_bark', 'b-8-0-0.wav,200,2,siren'];

async function failure(promise: Promise<unknown>): Promise<DatasetError> {
  const error = await promise.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
}

describe('UrbanSound8K', () => {
  it('gives each slice its class, fold, recording and place in it', async () => {
    const root = await urbanSound8k(some);
    const dataset = await openDataset(root);
    expect(dataset).toMatchObject({
      kind: 'urbansound8k',
      officialFolds: true,
      synthetic: false,
      notices: [],
    });
    expect(dataset.classes).toEqual(['dog_bark', 'siren']);
    expect(dataset.clips[1]).toEqual({
      id: 'audio/fold1/a-3-0-1.wav',
      path: join(root, 'audio/fold1/a-3-0-1.wav'),
      label: 'dog_bark',
      fold: 1,
      group: '100',
      source: { startSeconds: 0.5, endSeconds: 4.5 },
    });
  });

  it('opens from its table too', async () => {
    const root = await urbanSound8k(some);
    const dataset = await openDataset(join(root, 'metadata/UrbanSound8K.csv'));
    expect(dataset.kind).toBe('urbansound8k');
    expect(dataset.clips).toHaveLength(3);
  });

  it('takes the same clip in another format, and says so', async () => {
    const root = await urbanSound8k(some);
    await rename(join(root, 'audio/fold1/a-3-0-0.wav'), join(root, 'audio/fold1/a-3-0-0.ogg'));
    const dataset = await openDataset(root);
    expect(dataset.clips[0].id).toBe('audio/fold1/a-3-0-0.ogg');
    expect(dataset.notices.map((n) => n.message).join()).toContain(
      'another format than the table says, and used as found: 1 file (.wav → .ogg)',
    );
  });

  it('leaves missing files out, and counts them by folder', async () => {
    const root = await urbanSound8k([...some, '!c-1-0-0.wav,300,1,car_horn', '!d-1-0-0.wav,301,7,car_horn']);
    const dataset = await openDataset(root);
    expect(dataset.clips).toHaveLength(3);
    expect(dataset.classes).not.toContain('car_horn');
    expect(dataset.notices).toEqual([
      { subject: 'audio/fold1', message: 'Missing and left out: 1 of 3 listed files (c-1-0-0.wav).' },
      { subject: 'audio/fold7', message: 'The folder does not exist: 1 listed clip left out.' },
    ]);
  });

  it('refuses when every file is missing, naming the folder', async () => {
    const root = await urbanSound8k(some);
    await rm(join(root, 'audio'), { recursive: true });
    const error = await failure(openDataset(root));
    expect(error.message).toContain('None of the 3 files');
    expect(error.hint).toContain(join('audio', 'fold1'));
  });

  it('names file and line of a bad row', async () => {
    const root = await urbanSound8k([...some, 'c-1-0-0.wav,300,one,car_horn']);
    const error = await failure(openDataset(root));
    expect(error.message).toMatch(/UrbanSound8K\.csv, line 5: the fold 'one' is not a whole number/);
    const empty = await urbanSound8k(['a.wav,,1,dog_bark']);
    expect((await failure(openDataset(empty))).message).toMatch(/line 2: the column fsid is empty/);
  });

  it('names missing columns', async () => {
    const root = await urbanSound8k(some, 'slice_file_name,id,start,end,salience,fold,classID,label');
    const error = await failure(openDataset(root));
    expect(error.message).toContain('the columns fsID, class are missing');
    expect(error.message).toContain('slice_file_name, id, start');
  });

  it('names the line of a ragged row', async () => {
    const root = await urbanSound8k(some);
    await writeFile(
      join(root, 'metadata/UrbanSound8K.csv'),
      'slice_file_name,fsID,fold,class\na-3-0-0.wav,100,1,dog_bark\na-3-0-1.wav,100,1\n',
    );
    expect((await failure(openDataset(root))).message).toMatch(
      /UrbanSound8K\.csv, line 3: not a well-formed CSV/,
    );
  });

  it('refuses one clip under two labels, and ignores a repeated row', async () => {
    const twice = await urbanSound8k([...some, 'b-8-0-0.wav,200,2,siren']);
    const dataset = await openDataset(twice);
    expect(dataset.clips).toHaveLength(3);
    expect(dataset.notices[0].message).toContain('repeat an earlier one, ignored: 1.');
    const torn = await urbanSound8k([...some, 'b-8-0-0.wav,200,2,dog_bark']);
    const error = await failure(openDataset(torn));
    expect(error.message).toMatch(/line 5: .*second time \(first on line 4\).*dog_bark.*siren/);
  });

  it('tells of sounds the table does not know', async () => {
    const root = await urbanSound8k(some);
    await writeFile(join(root, 'audio/fold2/extra.wav'), '');
    await writeFile(join(root, 'audio/fold2/.DS_Store'), '');
    expect((await openDataset(root)).notices).toEqual([
      { subject: 'audio/fold2', message: 'Not in the table and ignored: 1 sound file (extra.wav).' },
    ]);
  });

  it('refuses a table that is no text', async () => {
    const root = await urbanSound8k(some);
    await writeFile(join(root, 'metadata/UrbanSound8K.csv'), new Uint8Array([0x52, 0x49, 0xff, 0xfe, 0x00]));
    expect((await failure(openDataset(root))).message).toContain('is not a UTF-8 text file');
    await writeFile(join(root, 'metadata/UrbanSound8K.csv'), '');
    expect((await failure(openDataset(root))).message).toContain('is empty');
  });
});

describe('ESC-50', () => {
  const rows = [
    '1-10-A-0.wav,1,0,dog,True,10,A',
    '2-20-A-41.ogg,2,41,chainsaw,True,20,A',
    '3-30-B-2.wav,3,2,pig,False,30,B',
  ];
  const files = { 'audio/1-10-A-0.wav': '', 'audio/2-20-A-41.ogg': '', 'audio/3-30-B-2.wav': '' };
  const meta = { 'meta/esc50.csv': [escHeader, ...rows].join('\r\n') };

  it('takes classes from the category and groups from src_file', async () => {
    const dataset = await openDataset(await makeFolder({ ...files, ...meta }));
    expect(dataset).toMatchObject({ kind: 'esc50', name: 'ESC-50', classes: ['chainsaw', 'dog', 'pig'] });
    expect(dataset.clips.map(({ id, fold, group }) => [id, fold, group])).toEqual([
      ['audio/1-10-A-0.wav', 1, '10'],
      ['audio/2-20-A-41.ogg', 2, '20'],
      ['audio/3-30-B-2.wav', 3, '30'],
    ]);
  });

  it('can be restricted to ESC-10', async () => {
    const root = await makeFolder({ ...files, ...meta });
    const dataset = await openDataset(root, { subset: 'esc10' });
    expect(dataset).toMatchObject({ name: 'ESC-10', classes: ['chainsaw', 'dog'], notices: [] });
    const other = await urbanSound8k(some);
    await expect(openDataset(other, { subset: 'esc10' })).rejects.toThrow(ParameterError);
  });
});

describe('a folder per class', () => {
  it('takes sounds at any depth, counts what is none, and follows links', async () => {
    const root = await makeFolder({
      'dog/1.wav': '',
      'dog/more/2.FLAC': '',
      'dog/readme.txt': '',
      'cat/3.ogg': '',
      'loose.wav': '',
      'empty/notes.md': '',
    });
    await symlink(join(root, 'dog/1.wav'), join(root, 'cat/linked.wav'));
    await symlink(join(root, 'dog'), join(root, 'dog/again'));
    const dataset = await openDataset(root);
    expect(dataset.kind).toBe('folders');
    expect(dataset.classes).toEqual(['cat', 'dog']);
    expect(dataset.clips.map((clip) => `${clip.label} ${clip.id}`)).toEqual([
      'cat cat/3.ogg',
      'cat cat/linked.wav',
      'dog dog/1.wav',
      'dog dog/more/2.FLAC',
    ]);
    const told = dataset.notices.map((n) => n.message).join('\n');
    expect(told).toContain('Outside any class folder and ignored: 1 sound file (loose.wav)');
    expect(told).toContain('Not sound files by extension, ignored: 2 files (1 .md, 1 .txt)');
    expect(told).toContain('not followed: 1 (dog/again)');
    expect(told).toContain('not taken as a class: empty');
    expect(dataset.groupSource).toContain('every clip is its own group');
  });

  it('reads the recording off known file names', async () => {
    const dataset = await openDataset(
      await makeFolder({
        'dog/100652-3-0-0.wav': '',
        'dog/100652-3-0-12.wav': '',
        'siren/1-4211-A-42.wav': '',
        'yes/0a7c2a8d_nohash_1.wav': '',
        'yes/2024-11-23.wav': '',
      }),
    );
    const groups = Object.fromEntries(dataset.clips.map((clip) => [clip.id, clip.group]));
    expect(groups).toEqual({
      'dog/100652-3-0-0.wav': '100652',
      'dog/100652-3-0-12.wav': '100652',
      'siren/1-4211-A-42.wav': '4211',
      'yes/0a7c2a8d_nohash_1.wav': '0a7c2a8d',
      'yes/2024-11-23.wav': 'yes/2024-11-23.wav',
    });
    expect(dataset.groupSource).toContain('4 of 5 clips');
  });

  it('knows fold folders that hold classes', async () => {
    const dataset = await openDataset(await makeFolder({ 'fold1/dog/a.wav': '', 'fold2/cat/b.wav': '' }));
    expect(dataset).toMatchObject({ classes: ['cat', 'dog'], officialFolds: true });
    expect(dataset.clips.map((clip) => clip.fold)).toEqual([1, 2]);
  });
});

describe('a CSV manifest', () => {
  it('takes paths relative to itself, optional folds and groups, and names other columns', async () => {
    const root = await makeFolder({
      'lists/mine.csv':
        '\ufeffPath;Label;note;group;fold\n../a/1.wav;dog;"x;y";r1;1\n..\\a\\2.wav;dog;;r1;1\n\n../a/3.wav;cat;;;2\n',
      'a/1.wav': '',
      'a/2.wav': '',
      'a/3.wav': '',
    });
    const dataset = await openDataset(join(root, 'lists/mine.csv'));
    expect(dataset).toMatchObject({
      kind: 'manifest',
      name: 'mine',
      officialFolds: true,
      classes: ['cat', 'dog'],
    });
    expect(dataset.clips.map(({ id, fold, group }) => [id, fold, group])).toEqual([
      ['../a/1.wav', 1, 'r1'],
      ['../a/2.wav', 1, 'r1'],
      ['../a/3.wav', 2, '../a/3.wav'],
    ]);
    expect(dataset.notices).toEqual([
      { subject: 'mine.csv', message: expect.stringContaining('Columns that are not used: note.') },
      { subject: 'mine.csv', message: '1 row without a group: each file is its own group.' },
    ]);
  });

  it('is found as manifest.csv in a folder, and accepts absolute paths', async () => {
    const sounds = await makeFolder({ 'x.wav': '' });
    const root = await makeFolder({ 'manifest.csv': `path,label\n${join(sounds, 'x.wav')},dog\n` });
    const dataset = await openDataset(root);
    expect(dataset.clips[0].path).toBe(join(sounds, 'x.wav'));
    expect(dataset.officialFolds).toBe(false);
  });

  it('names the line of an empty label', async () => {
    const root = await makeFolder({ 'm.csv': 'path,label\nx.wav,\n', 'x.wav': '' });
    expect((await failure(openDataset(join(root, 'm.csv')))).message).toMatch(
      /m\.csv, line 2: the column label is empty/,
    );
  });
});

describe('what is no dataset', () => {
  it('is told what was looked for', async () => {
    const root = await makeFolder({ 'notes.txt': '', 'sub/readme.md': '' });
    const error = await failure(openDataset(root));
    for (const wanted of [
      'metadata/UrbanSound8K.csv',
      'meta/esc50.csv',
      'manifest.csv',
      'folders with sound files',
      'notes.txt',
    ]) {
      expect(error.message).toContain(wanted);
    }
  });

  it('is pointed to a dataset one level down', async () => {
    const inner = { 'UrbanSound8K/metadata/UrbanSound8K.csv': 'x', 'other/a.txt': '' };
    const error = await failure(openDataset(await makeFolder(inner)));
    expect(error.message).toContain('no dataset itself');
    expect(error.hint).toMatch(/Give that path: .*UrbanSound8K\./);
  });

  it('may not exist, or be no table', async () => {
    expect((await failure(openDataset('/nowhere/at/all'))).message).toContain('does not exist');
    const root = await makeFolder({ 'a.wav': '' });
    expect((await failure(openDataset(join(root, 'a.wav')))).message).toContain('no CSV manifest');
  });
});
