import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folders, temporaryFolders } from '../../test/folders.js';
import { checkDataset } from '../check/check.js';
import type { ReadDataset } from '../dataset.js';
import { csv, type CsvOptions } from './csv.js';

let folders: Folders;
let folder: string;
beforeAll(async () => {
  folders = await temporaryFolders();
  folder = await folders.make({
    'images/a.png': null,
    'images/b.png': null,
    'images/sub/a.png': null,
    'images/x, y "z".png': null,
  });
});
afterAll(() => folders.remove());

const write = (text: string, name = 'boxes.csv') => writeFile(join(folder, name), text);
const open = async (text: string, options: Partial<CsvOptions> = {}): Promise<ReadDataset> => {
  await write(text);
  return csv({ annotations: 'boxes.csv', images: 'images', ...options }).open({ folder });
};
const boxes = ({ images, categories }: ReadDataset): unknown[] =>
  images.map(({ file, annotations }) => [
    file,
    ...annotations.map(({ label, box }) => [categories[label]!.name, ...box]),
  ]);
const message = async (text: string, options: object = {}): Promise<string> => {
  await write(text);
  const result = await checkDataset({ folder, csv: 'boxes.csv', images: 'images', ...options });
  return result.ok ? 'usable' : result.error.message;
};

describe('csv', () => {
  const ROWS = 'a.png,10,20,50,60,cat\nb.png,,,,,\na.png,1.5,2.25,9,9,dog\nsub/a.png,0,0,200,100,cat\n';
  const READ = [
    ['a.png', ['cat', 10, 20, 50, 60], ['dog', 1.5, 2.25, 9, 9]],
    ['b.png'],
    ['sub/a.png', ['cat', 0, 0, 200, 100]],
  ];

  it('reads rows with and without a header, fractions as they are, empty fields as negatives', async () => {
    const set = await open(ROWS);
    expect(boxes(set)).toEqual(READ);
    expect(set.report).toEqual([]);
    expect(set.categories).toEqual([
      { id: 1, name: 'cat' },
      { id: 2, name: 'dog' },
    ]);
    expect(boxes(await open(`file,x1,y1,x2,y2,class\n${ROWS}`))).toEqual(READ);
    expect(boxes(await open(`\ufeff${ROWS}`.replaceAll('\n', '\r\n\r\n')))).toEqual(READ);
    expect(await message(ROWS)).toBe('usable');
  });

  it('takes columns by the names of the header, the size of the picture among them', async () => {
    const header = 'filename,width,height,class,xmin,ymin,xmax,ymax,pose\n';
    const set = await open(`${header}a.png,200,100,cat,10,20,50,60,left\n`);
    expect(boxes(set)).toEqual([['a.png', ['cat', 10, 20, 50, 60]]]);
    expect(set.report).toEqual([
      { file: 'boxes.csv', annotation: null, action: 'noted', why: 'columns that are not read: pose' },
    ]);
    expect(await message(`${header}a.png,300,100,cat,10,20,50,60,left\n`)).toMatch(/declare 300x100/);
    expect(await message(`${header}a.png,200,100,cat,1,2,5,6,\na.png,,,cat,1,2,7,8,\n`)).toMatch(
      /line 3: the size of a\.png is not told, and 200x100 in line 2/,
    );
    expect(await message(`${header}a.png,200,x,cat,10,20,50,60,left\n`)).toMatch(
      /line 2: the size of the picture: "x"/,
    );
    expect(await message('filename,xmin,ymin,xmax,label\na.png,1,2,3,cat')).toMatch(
      /line 1: the header has no column for y2/,
    );
  });

  it('says of a table with tabs what parts fields', async () => {
    expect(await message('file\tx1\ty1\tx2\ty2\tclass\na.png\t1\t2\t3\t4\tcat\n')).toMatch(
      /line 2: the row has 1 field, and 6 are wanted; tabs part no fields: save the table with commas/,
    );
  });

  it('names columns that it does not read, also those without a name, as pandas writes its index', async () => {
    const set = await open(',file,x1,y1,x2,y2,class,note\n0,a.png,1,2,3,4,cat,x\n');
    expect(boxes(set)).toEqual([['a.png', ['cat', 1, 2, 3, 4]]]);
    expect(set.report.map(({ why }) => why)).toEqual(['columns that are not read: column 1, note']);
    expect(await message('file|x1|y1|x2|y2|class\n')).toMatch(/1 field, and 6 are wanted; \| parts no fields/);
  });

  it('parts fields by semicolons where the header says so, and only there', async () => {
    const semicolons = ROWS.replaceAll(',', ';');
    expect(boxes(await open(`file;x1;y1;x2;y2;class\n${semicolons}`))).toEqual(READ);
    expect(await message(semicolons)).toMatch(/line 1: the fields are parted by semicolons, and no header says so/);
    expect(await message(`file,x1,y1,x2,y2,class\n${semicolons}`)).toMatch(
      /line 2: the row has 1 field, and 6 are wanted; semicolons part fields where a header has them/,
    );
  });

  it('parts fields by what the first line says, as Excel takes it', async () => {
    const semicolons = ROWS.replaceAll(',', ';');
    for (const text of [
      `sep=;\r\n${semicolons}`,
      `sep=;\nfile;x1;y1;x2;y2;class\n${semicolons}`,
      `\ufeff"sep=;"\n${semicolons}`,
      `SEP=,\n${ROWS}`,
      `sep=,\nfile,x1,y1,x2,y2,class\n${ROWS}`,
    ])
      expect(boxes(await open(text))).toEqual(READ);
    expect(await message(`sep=;\n${semicolons}a.png;1;2;3;x;cat\n`)).toMatch(/boxes\.csv, line 6: y2: "x"/);
    expect(await message(`sep=\t\n${ROWS.replaceAll(',', '\t')}`)).toMatch(
      /"\\t" parts the fields; save it with commas/,
    );
    expect(await message(`sep=;\n${ROWS}`)).toMatch(/line 2: the row has 1 field/);
  });

  it('refuses decimal commas by name', async () => {
    expect(await message('file;x1;y1;x2;y2;class\na.png;1,5;2;9;9;cat')).toMatch(
      /line 2: x1: "1,5" is not a number, but one with a decimal comma; write 1\.5/,
    );
    expect(await message('file;x1;y1;x2;y2;class\na.png;1.234,5;2;9;9;cat')).toMatch(
      /line 2: x1: "1\.234,5" is not a number, but one with a decimal comma and thousands signs; write 1234\.5/,
    );
    expect(await message('a.png,"1,5",2,9,9,cat')).toMatch(/line 1: x1: "1,5" .*decimal comma/);
    expect(await message('a.png,1,5,2,5,9,5,9,5,cat')).toMatch(/line 1: the row has 10 fields.*decimal comma/);
  });

  it('reads quotes as RFC 4180 has them', async () => {
    const set = await open('"x, y ""z"".png","1","2",3,4,"a ""cat"",\nof two lines"\r\na.png,1,2,300,4,cat\n');
    expect(boxes(set)).toEqual([
      ['x, y "z".png', ['a "cat",\nof two lines', 1, 2, 3, 4]],
      ['a.png', ['cat', 1, 2, 200, 4]],
    ]);
    expect(set.report).toEqual([
      { file: 'a.png', annotation: 3, action: 'clipped', why: expect.stringContaining('overhangs') as string },
    ]);
    // Blanks around fields are none of theirs, those inside of quotes are.
    expect(boxes(await open(' a.png , 1 ,2,3, 4 , cat\na.png," 5",6,7,8," cat "\n'))).toEqual([
      ['a.png', ['cat', 1, 2, 3, 4], [' cat ', 5, 6, 7, 8]],
    ]);
    expect(boxes(await open('file,x1,y1,x2,y2,"class "\nb.png,,,,," "\n'))).toEqual([['b.png']]);
    expect(await message('a.png,1,2,3,4,"cat\nb.png,,,,,\n')).toMatch(
      /boxes\.csv, line \d, is not valid CSV: "Quote Not Closed/,
    );
    expect(await message('a.png,1,2,3,4,c"at\n')).toMatch(/line 1, is not valid CSV: "Invalid Opening Quote/);
    expect(await message(`a.png,1,2,3,4,"${'c'.repeat(200_000)}"`)).toMatch(/is not valid CSV: "Max Record Size/);
  });

  it('reports by the row, and counts equal rows once', async () => {
    const set = await open(
      'file,x1,y1,x2,y2,class\na.png,1,2,3,4,cat\na.png,190,0,210,10,cat\n./a.png,1.0,2,3,4,cat\na.png,5,5,1,1,cat',
    );
    expect(boxes(set)).toEqual([['a.png', ['cat', 1, 2, 3, 4], ['cat', 190, 0, 200, 10]]]);
    expect(set.report.map(({ file, annotation, action }) => [file, annotation, action])).toEqual([
      ['a.png', 4, 'dropped'],
      ['a.png', 3, 'clipped'],
      ['a.png', 5, 'dropped'],
    ]);
    expect(await message('a.png,190,0,210,10,cat', { strict: true })).toMatch(/strict mode/);
  });

  it('takes classes from a JSON list or from rows name,id', async () => {
    await write('["dog", "cat"]', 'classes.json');
    expect((await open(ROWS, { classes: 'classes.json' })).categories).toEqual([
      { id: 1, name: 'dog' },
      { id: 2, name: 'cat' },
    ]);
    await write('name,id\ndog,7\n"cat",0\neel,3\n', 'classes.csv');
    expect((await open(ROWS, { classes: 'classes.csv' })).categories).toEqual([
      { id: 0, name: 'cat' },
      { id: 3, name: 'eel' },
      { id: 7, name: 'dog' },
    ]);
    expect((await open(ROWS, { classes: ['cat', 'dog', 'eel'] })).categories[2]).toEqual({ id: 3, name: 'eel' });
    expect(await message(ROWS, { classes: 'classes.csv' })).toBe('usable');
    expect(await message(ROWS, { classes: '["dog","cat"]' })).toBe('usable');
    expect(await message(ROWS, { classes: '["dogs","cat"]' })).toMatch(
      /line 3: the class "dog" is unknown \(did you mean "dogs"/,
    );
  });

  it.each([
    ['dog,1\ncat,1', /line 2: the id 1 is that of "dog" already/],
    ['dog,1\ndog,2', /line 2: the class "dog" occurs twice/],
    ['dog', /line 1: "dog" is no row "name,id"/],
    ['dog,1.0', /"dog,1\.0" is no row/],
    ['', /names no class/],
    ['[1]', /a JSON list of class names is wanted/],
    ['["a","a"]', /"a" is listed twice/],
  ])('refuses the classes %j', async (text, expected) => {
    await write(text, 'wrong.txt');
    expect(await message(ROWS, { classes: 'wrong.txt' })).toMatch(expected);
  });

  it.each([
    ['', /boxes\.csv is empty/],
    ['a.png,1,2,3,4', /line 1: the row has 5 fields, and 6 are wanted/],
    ['a.png,1,2,3,x,cat', /line 1: y2: "x" is not a number/],
    ['a.png,1,2,,4,cat', /line 1: x2 is empty; a picture without objects has all/],
    ['a.png,,,,,cat', /x1 is empty/],
    ['a.png,1,2,3,4,', /the class is empty/],
    [',1,2,3,4,cat', /the file is empty/],
    ['a.png,1,2,3,nan,cat', /y2: "nan"/],
    ['a.png,1,2,3,1e999,cat', /y2: "1e999"/],
    ['../a.png,1,2,3,4,cat', /line 1: the path "\.\.\/a\.png" leaves its folder/],
    ['http://x.org/a.png,1,2,3,4,cat', /is a URL/],
    ['a.png,1,2,3,4,cat\nc.png,1,2,3,4,cat', /boxes\.csv, line 2: .*c\.png does not exist/],
  ])('refuses %j', async (text, expected) => {
    expect(await message(text)).toMatch(expected);
  });

  it('tells all findings at once', async () => {
    await write('a.png,x,2,3,4,cat\nb.png,1,2,3,4,cat\nc.png,1,2,3,4,cat\na.png,1');
    const result = await checkDataset({ folder, csv: 'boxes.csv', images: 'images' });
    expect(result.ok ? [] : result.error.findings).toEqual([
      expect.stringMatching(/line 1: x1/),
      expect.stringMatching(/line 4: the row has 2 fields/),
      expect.stringMatching(/line 3: .*c\.png does not exist/),
    ]);
  });

  it('starts files from the folder of the table where no other is given', async () => {
    await write('a.png,1,2,3,4,cat\nsub\\a.png,1,2,3,4,cat', 'images/boxes.csv');
    const set = await csv({ annotations: 'images/boxes.csv' }).open({ folder });
    expect(set.images.map(({ file }) => file)).toEqual(['a.png', 'sub/a.png']);
    expect(set.report.map(({ file, action }) => [file, action])).toEqual([['sub/a.png', 'noted']]);
  });
});
