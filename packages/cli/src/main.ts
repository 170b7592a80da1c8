import { readFileSync } from 'node:fs';
import { type CAC, cac } from 'cac';
import { chooseEngine } from './engine-choice.js';
import { MISUSED, tellFailure } from './failures.js';
import type { Flags } from './flags.js';
import { mark, unmark } from './number-words.js';
import { printJson, tell } from './out.js';

// Commands of two words are joined, so that they are commands like any other.
const TWO_WORDS: Readonly<Record<string, readonly string[]>> = {
  data: ['check', 'convert'],
  engine: ['install'],
  teacher: ['inspect'],
  weights: ['inspect', 'list'],
};

/** Runs a command line without `node` and `kd`; gives the exit code. Commands import what they need when they run. */
export async function main(argv: readonly string[]): Promise<number> {
  let json = argv.includes('--json');
  try {
    const program = build();
    program.parse(['node', 'kd', ...mark(joinWords(argv))], { run: false });
    const empty = unmark(program);
    // With the name of a file it asks for that file, not for JSON on standard output.
    json = [true, '-'].includes(program.options['json'] as boolean | string);
    if (program.options['help'] === true || program.options['version'] === true) return 0;
    if (program.matchedCommand === undefined) return unknownCommand(program, argv);
    if (empty !== null) return misused(`${empty} has an empty value; give one, or leave the option out.`, json);
    chooseEngine(program.options['engine']);
    return Number((await program.runMatchedCommand()) ?? 0);
  } catch (error) {
    return tellFailure(error, json);
  }
}

function misused(message: string, json: boolean): number {
  if (json) printJson({ ok: false, error: { code: 'USAGE', message } }, 0);
  else tell(`error [USAGE] ${message}`);
  return MISUSED;
}

export function joinWords([first, second, ...rest]: readonly string[]): string[] {
  if (first !== undefined && second !== undefined && secondWords(first).includes(second))
    return [`${first} ${second}`, ...rest];
  return [first, second, ...rest].filter((word) => word !== undefined);
}

const secondWords = (first: string): readonly string[] => (Object.hasOwn(TWO_WORDS, first) ? TWO_WORDS[first]! : []);

function unknownCommand(program: CAC, [first]: readonly string[]): number {
  if (first === undefined) {
    program.outputHelp();
    return MISUSED;
  }
  const names = program.commands.map(({ name }) => name);
  const seconds = secondWords(first);
  const more =
    seconds.length > 0
      ? `did you mean ${seconds.map((second) => `"kd ${first} ${second}"`).join(' or ')}?`
      : `there are ${names.join(', ')}; see kd --help`;
  tell(`error [USAGE] there is no command "${first}"; ${more}`);
  return MISUSED;
}

/** Every command with its options; nothing is run. */
export function build(): CAC {
  const program = cac('kd');
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  withOverrides(program.command('train [config]', 'Train a student, with a teacher and distillers or alone'))
    .option('--out <dir>', 'Folder of the run (default: runs/<name of the config>)')
    .option('--resume', 'Go on from the newest checkpoint of the run folder')
    .option('--run <name>', 'Of a study, one of its runs: ssim-0 is variant ssim, seed 0')
    .option(
      '--tensorboard',
      'Write event files for TensorBoard into the run folder: figures, and pictures of detections',
    )
    .option(
      '--profile [n]',
      'Tell where the time of the first n steps goes (default: 20), with a trace that Perfetto opens',
    )
    .option('--no-report', 'Leave report.html out, the page about the run')
    .example('  kd train kd.config.ts --out runs/student')
    .example('  kd train kd.config.ts --out runs/student --resume')
    .action(async (config: string | undefined, flags: Flags) =>
      (await import('./commands/train.js')).train(config, flags),
    );

  program
    .command('compare <study>', 'Train a student in several ways, with several seeds, and tell which of them pays')
    .option('--out <dir>', 'Folder of the runs and their table (default: runs/<name of the study>)')
    .option('--jobs <n>', 'Runs at once; each gets its share of the threads (default: 1)')
    .option('--budget <minutes>', 'Train as many seeds and epochs as fit into this time, told from real steps')
    .option('--table', 'Train nothing: the table of the runs that have ended')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd compare detector.study.ts --out runs/detector')
    .example('  kd compare detector.study.ts --budget 120')
    .action(async (study: string, flags: Flags) => (await import('./commands/compare.js')).compare(study, flags));

  withOverrides(
    program.command(
      'plan <config>',
      'Tell what a config would train, in which steps and for how long, from two real steps; leaves no files',
    ),
  )
    .option('--run <name>', 'Of a study, one of its runs: ssim-0 is variant ssim, seed 0')
    .option('--out <dir>', 'Of a study, the folder of its runs (default: runs/<name of the study>)')
    .option('--steps <n>', 'Real steps to run (default: 2)')
    .option('--pass-images <n>', 'Run passes of distillers over the first n training images (default: 16)')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd plan kd.config.ts --set batchSize=16')
    .action(async (config: string, flags: Flags) => (await import('./commands/plan.js')).plan(config, flags));

  withWeights(withData(program.command('eval [model]', 'Evaluate a run folder or a checkpoint, or detections')))
    .option(
      '--detections <json>',
      "Results in COCO's form, as of kd predict --coco, instead of running a model; with data, or those of the run",
    )
    .option(
      '--metric <name>',
      'coco, voc07 or voc, or with options: \'["coco",{"maxDetections":[1,10,300]}]\' (default: that of the run)',
    )
    .option('--batch-size <n>', 'Images at once (default: as the run evaluated, else 4)')
    .option('--workers <n>', 'Threads that decode images (default: 1)')
    .option('--skip-bad', 'Leave out images that cannot be read, and tell them (default: as the run did)')
    .option('--detector <json>', 'What a foreign checkpoint holds, e.g. \'["retinanet",{"version":1}]\'')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd eval runs/student --coco annotations/instances_test.json --images JPEGImages --json')
    .example('  kd eval --detections results.json --coco annotations/instances_test.json --images JPEGImages')
    .action(async (model: string | undefined, flags: Flags) =>
      (await import('./commands/eval.js')).evaluateModel(model, flags),
    );

  withWeights(
    program.command(
      'predict <model> <...images>',
      'Draw or write what a model finds on images, in folders of them, or where a pattern such as photos/*.jpg matches',
    ),
  )
    .option(
      '--out <dir>',
      'Folder for the drawn images and predictions.json (default: predictions; none where --json FILE or --coco is given)',
    )
    .option('--threshold <score>', 'Draw and write detections from this score on (default: 0.3; all in --coco)')
    .option('--coco <file>', "Write what is found as results in COCO's form, for kd eval --detections and pycocotools")
    .option(
      '--annotations <json>',
      'Of --coco: instances file whose images are meant and whose ids are written (default: numbers in the names of files)',
    )
    .option('--force', 'Replace files of --json and --coco that are there already')
    .option('--detector <json>', 'What a foreign checkpoint holds, e.g. \'["retinanet",{"version":1}]\'')
    .option('--classes <names>', 'Names of the classes of a foreign checkpoint: a JSON list, or a file with one')
    .option(
      '--json [file]',
      'Write [{ file, detections }] to this file; "-" prints it and nothing else; without either, one JSON object about the call',
    )
    .example("  kd predict runs/student 'photos/**/*.jpg' --json -")
    .example('  kd predict runs/student val2017 --coco results.json --annotations instances_val2017.json')
    .action(async (model: string, images: string[], flags: Flags) =>
      (await import('./commands/predict.js')).predict(model, images, flags),
    );

  withWeights(
    program.command(
      'label <model> <...images>',
      'Write what a model finds on images, or in folders of them, as COCO annotations to train with',
    ),
  )
    .option('--out <file>', 'The annotations to write')
    .option('--score <score>', 'Keep what is found from this score on (default: 0.5)')
    .option(
      '--images <dir>',
      'Folder that file names start from (default: that of --out, or the nearest that holds all images)',
    )
    .option('--force', 'Replace annotations that are there already')
    .option('--batch-size <n>', 'Images at once (default: 4)')
    .option('--detector <json>', 'What a foreign checkpoint holds, e.g. \'["retinanet",{"version":1}]\'')
    .option('--classes <names>', 'Names of the classes of a foreign checkpoint: a JSON list, or a file with one')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd label runs/teacher photos --out photos/annotations.json')
    .action(async (model: string, images: string[], flags: Flags) =>
      (await import('./commands/label.js')).label(model, images, flags),
    );

  withWeights(program.command('export <model>', 'Write a run folder or a checkpoint for other programs'))
    .option(
      '--to <format>',
      'onnx; tfjs-layers or tfjs-graph; web, a page for browsers; torchvision or mmdet, with Python that builds the model printed',
    )
    .option('--out <path>', 'The file or the folder to write; nothing that is there is replaced')
    .option('--detections', 'With decoding, threshold and NMS (the default of onnx)')
    .option('--raw', 'Only up to the maps of the head, by level')
    .option(
      '--size <size>',
      'Height and width of the images, such as 320x448, or "dynamic" (default: as the run resizes)',
    )
    .option('--batch <n>', 'Images at once, or "dynamic" (default: 1)')
    .option('--input <kind>', 'nhwc or nchw, float32 or uint8, or one of each: nchw,uint8 (default: nhwc,float32)')
    .option('--fp16', 'Store weights in half precision; all is computed in float32')
    .option('--int8 <what>', '"weights": store them as whole numbers of 8 bits with a factor a channel')
    .option(
      '--compare',
      "Size and AP of the ONNX file on the run's validation data, with weights as fp32, fp16 and int8; needs onnxruntime-node",
    )
    .option('--detector <json>', 'What a foreign checkpoint holds, e.g. \'["retinanet",{"version":1}]\'')
    .option('--classes <names>', 'Names of the classes of a foreign checkpoint: a JSON list, or a file with one')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd export runs/student --to onnx --out student.onnx')
    .example('  kd export runs/student --to torchvision --out student.safetensors > student.py')
    .example('  kd export runs/student --to web --out page')
    .action(async (model: string, flags: Flags) => (await import('./commands/export.js')).exportModel(model, flags));

  program
    .command(
      'prototypes <run>',
      'Show which instances a run chose as prototypes, and what they explain, as one HTML page',
    )
    .option('--out <file>', 'The page (default: prototypes.html in the run folder)')
    .option('--epoch <n>', 'The bank of this epoch (default: the newest)')
    .option('--step <n>', 'The bank of this step, where the refresh is in steps')
    .option('--plugin <id>', 'The distiller, where several have a bank')
    .option('--class <name>', 'This class alone')
    .option('--instances <n>', 'Instances shown beside each prototype (default: 4)')
    .option('--json', 'One JSON object on standard output and nothing else')
    .action(async (run: string, flags: Flags) => (await import('./commands/prototypes.js')).prototypes(run, flags));

  program
    .command('report <...runs>', 'Show what runs did, side by side, as one HTML page; also the runs of a study')
    .option('--out <file>', 'The page (default: report.html)')
    .option('--no-images', 'Without pictures; no model is opened')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd report runs/alone runs/ssim --out page.html')
    .action(async (runs: string[], flags: Flags) => (await import('./commands/report.js')).report(runs, flags));

  withFiles(program.command('data check', 'Read a data set, decode its images, and tell everything that is wrong'))
    .option('--strict', 'Refuse what would be corrected')
    .option('--dump <dir>', 'Write what was read to this folder')
    .option('--json', 'One JSON object on standard output and nothing else')
    .action(async (flags: Flags) => (await import('./commands/data-check.js')).checkData(flags));

  withData(
    program.command('data convert', 'Write a data set of any form as a COCO instances file; tells what was corrected'),
    'needed where no other data is given',
  )
    .option('--out <file>', 'The file, such as annotations.json')
    .option('--force', 'Replace a file that is there already')
    .option('--strict', 'Refuse what would be corrected')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd data convert --yolo data.yaml --split val --out annotations.json')
    .action(async (flags: Flags) => (await import('./commands/data-convert.js')).convertData(flags));

  withWeights(
    program.command(
      'weights inspect <file>',
      'Tell what a file of weights holds, of torch or safetensors; runs nothing',
    ),
  )
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd weights inspect gfl_r50_fpn_1x_coco.pth')
    .action(async (file: string, flags: Flags) =>
      (await import('./commands/weights-inspect.js')).inspectWeights(file, flags),
    );

  program
    .command(
      'teacher inspect <model>',
      'List the tensors of an ONNX file, or of a TensorFlow.js model, that are maps of the image, with channels and stride, and lines for a config',
    )
    .option('--size <pixels>', 'Image to try, 224 or 480x640, where the file leaves that open (default: 448)')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd teacher inspect model.onnx')
    .example('  kd teacher inspect models/mobilenet/model.json')
    .action(async (model: string, flags: Flags) =>
      (await import('./commands/teacher-inspect.js')).inspectTeacher(model, flags),
    );

  program
    .command('weights list', "List the published weights that init: 'pretrained' fetches, and where they lie")
    .option('--json', 'One JSON object on standard output and nothing else')
    .action(async (flags: Flags) => (await import('./commands/weights-list.js')).listWeights(flags));

  withWeights(
    program.command('convert <from> <to>', 'Write the weights of a file of torch, or of a run, as safetensors'),
  )
    .option('--names <whose>', 'kd, torchvision, mmdet, or keep: as they are, every tensor (default: kd)')
    .option('--half', 'Numbers of 16 bits instead of 32: half of the size')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd convert gfl_r50_fpn_1x_coco.pth gfl.safetensors')
    .action(async (from: string, to: string, flags: Flags) =>
      (await import('./commands/convert.js')).convert(from, to, flags),
    );

  withOverrides(
    program.command(
      'plugins [config]',
      'List what is installed, running none of its code; with a config, tell what each of its parts taps, needs and adds',
    ),
  )
    .option('--json', 'As JSON')
    .action(async (config: string | undefined, flags: Flags) =>
      (await import('./commands/plugins.js')).plugins(config, flags),
    );

  program
    .command(
      'bench-export <model>',
      'Measure how fast an exported ONNX file or TensorFlow.js model finds objects, in each runtime that is installed, beside kd itself',
    )
    .option('--images <dir>', 'Folder of images, or a pattern, to measure with')
    .option('--run <model>', 'The run or checkpoint that was exported, to measure kd predict beside it')
    .option('--threads <n>', 'Threads of onnxruntime (default: as many as it takes)')
    .option('--limit <n>', 'At most so many images (default: 100)')
    .option('--json', 'One JSON object on standard output and nothing else')
    .example('  kd bench-export student.onnx --images photos --run runs/student')
    .example('  kd bench-export student-tfjs --images photos --run runs/student')
    .action(async (model: string, flags: Flags) =>
      (await import('./commands/bench-export.js')).benchExport(model, flags),
    );

  program
    .command(
      'serve <folder>',
      'Serve the page that kd export --to web wrote, to this machine alone; prints its address',
    )
    .option('--port <n>', 'Port (default: a free one)')
    .action(async (folder: string, flags: Flags) => (await import('./commands/serve.js')).serve(folder, flags));

  program
    .command('doctor', 'Which engine runs here, which library, why, and what to do')
    .option('--json', 'As JSON')
    .action(async (flags: Flags) => (await import('./commands/doctor.js')).doctor(flags));

  program
    .command('engine install', 'Set up the native engine: find or download libtensorflow, compile the binding')
    .option('--force', 'Set up anew what is there: what to do when it was damaged')
    .action(async (flags: Flags) => (await import('./commands/engine-install.js')).engineInstall(flags));

  program.option(
    '--engine <name>',
    'tensorflow, webgpu, wasm, cpu (to compare with: hundreds of times slower) or auto, the best that runs here; also KD_ENGINE',
  );
  program.help();
  program.version(version);
  return program;
}

const withOverrides = (command: ReturnType<CAC['command']>): ReturnType<CAC['command']> =>
  command
    .option('--epochs <n>', 'Instead of the epochs of the config')
    .option('--seed <n>', 'Instead of the seed of the config')
    .option('--set <key=value>', 'Any other key, e.g. --set optimizer.lr=0.02; may be repeated');

const withWeights = (command: ReturnType<CAC['command']>): ReturnType<CAC['command']> =>
  command
    .option('--key <key>', 'Where the weights lie in a checkpoint of torch, e.g. ema_state_dict (default: found)')
    .option('--prefix <text>', 'Names that begin with this, without it, e.g. student. (default: found)')
    .option('--rename <json>', 'Rules on names, a JSON list: [["^encoder\\\\.", "backbone.body."]]');

const withData = (
  command: ReturnType<CAC['command']>,
  otherwise = 'default: the validation data of the run',
): ReturnType<CAC['command']> =>
  withFiles(
    command.option('--data <json>', `Data as in a config: {"format":"coco",…}, or a file with that (${otherwise})`),
  );

const withFiles = (command: ReturnType<CAC['command']>): ReturnType<CAC['command']> =>
  command
    .option('--coco <json>', 'Instances file, with --images; may be repeated for several files as one set')
    .option(
      '--images <dir>',
      'Folder of the images of --coco, or one for each; of --voc, its name in the root (default: JPEGImages)',
    )
    .option('--voc <root>', 'Folder of a VOC data set, with --split')
    .option('--annotations <dir>', 'Name of the folder of the XML files of --voc (default: Annotations)')
    .option('--yolo <yaml>', "data.yaml of a data set in YOLO's form")
    .option('--labelme <dir>', 'Folder of LabelMe: pictures and their JSON files')
    .option('--csv <file>', 'Table of boxes: file,x1,y1,x2,y2,class; with --images where its files lie elsewhere')
    .option('--split <name>', 'List in ImageSets/Main, without .txt; of --yolo, a split of the file')
    .option(
      '--classes <json>',
      'Names of the classes in order, of COCO some of its own: a JSON list, or a file with one',
    );
