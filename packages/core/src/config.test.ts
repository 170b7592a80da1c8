import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.js';

const valid = { student: 'retinanet', data: { train: { format: 'coco' } }, epochs: 2 };
const errorOf = (config: unknown): string => {
  try {
    parseConfig(config, 'kd.config.ts');
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as Error).message;
  }
  throw new Error('the config was taken');
};

describe('parseConfig', () => {
  it('fills in every default', () => {
    expect(parseConfig(valid, 'x')).toMatchObject({
      seed: 0,
      engine: 'auto',
      distillers: [],
      batchSize: 8,
      accumulate: 1,
      optimizer: { name: 'sgd', lr: 0.01, momentum: 0.9, dampening: 0, nesterov: false, weightDecay: 1e-4 },
      schedule: { kind: 'constant', milestones: [], gamma: 0.1, floor: 0, by: 'epoch' },
      clipNorm: null,
      ema: null,
      evaluate: { every: 1, metric: 'coco' },
      checkpoint: { every: 1, keep: 2 },
      log: { every: 10 },
    });
  });

  it.each([
    [
      { name: 'sgd', lr: 1 },
      { momentum: 0.9, weightDecay: 1e-4 },
    ],
    [
      { name: 'sgd', lr: 1, momentum: 0 },
      { momentum: 0, weightDecay: 1e-4 },
    ],
    [
      { name: 'adamw', lr: 1 },
      { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01 },
    ],
    [
      { name: 'adam', lr: 1 },
      { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
    ],
  ])('fills in the constants of an optimiser (%#)', (optimizer, more) => {
    expect(parseConfig({ ...valid, optimizer }, 'x').optimizer).toMatchObject({ ...optimizer, ...more });
  });

  it.each([
    [{ ...valid, epohcs: 2 }, /epohcs: there is no such key; did you mean "epochs"\?/],
    [
      { ...valid, data: { ...valid.data, wrokers: 1 } },
      /data\.wrokers: there is no such key; did you mean "workers"\?/,
    ],
    [{ ...valid, schedule: { kind: 'step', milestone: [2] } }, /schedule\.milestone: .*did you mean "milestones"\?/],
    [{ ...valid, schedule: { warmup: { steps: 1, facto: 1 } } }, /schedule\.warmup\.facto: .*did you mean "factor"\?/],
    [
      { ...valid, optimizer: { name: 'sgd', lr: 1, momentun: 0.9 } },
      /optimizer\.momentun: .*did you mean "momentum"\?/,
    ],
    [{ ...valid, ema: { deca: 1, decay: 0.9 } }, /ema\.deca: .*did you mean "decay"\?/],
    [{ ...valid, evaluate: { evry: 1 } }, /evaluate\.evry: .*did you mean "every"\?/],
    [{ ...valid, checkpoint: { foo: 1 } }, /checkpoint\.foo: there is no such key; known are every, keep/],
  ])('says what was meant by a misspelt key (%#)', (config, message) => {
    expect(errorOf(config)).toMatch(message);
  });

  it.each([
    [{ ...valid, epochs: 0 }, /epochs: /],
    [{ ...valid, optimizer: { name: 'sgd', lr: Infinity } }, /optimizer\.lr: /],
    [{ ...valid, optimizer: { name: 'rmsprop', lr: 1 } }, /optimizer\.name: .*sgd/],
    [{ ...valid, clipNorm: -1 }, /clipNorm: /],
    [{ student: 'retinanet', epochs: 1 }, /data: is missing/],
    [{ ...valid, schedule: { warmup: {} } }, /schedule\.warmup\.steps: is missing/],
    [{ ...valid, data: { train: { path: 'x' } } }, /data\.train: must be \{ format, … \} or a data source/],
    [{ ...valid, engine: 5 }, /engine: must be the name of an engine/],
    [{ ...valid, evaluate: { metric: 5 } }, /evaluate\.metric: must be the name of a metric/],
    [{ ...valid, student: 5 }, /student: must be a name, \[name, \{ options \}\]/],
    [{ ...valid, distillers: ['ssim', ['ssim', {}, { as: 'two words' }]] }, /distillers\.1\.2\.as: an id has letters/],
    [{ ...valid, distillers: ['ssim', ['ssim', { weight: 1 }, { ass: 'b' }]] }, /distillers\.1/],
    [null, /kd\.config\.ts is not a valid config/],
  ])('names the key that does not fit (%#)', (config, message) => {
    expect(errorOf(config)).toMatch(message);
  });

  it.each<readonly [object, string]>([
    [
      { teacher: { onnx: 'x.onnx' } },
      'Write ["onnx", { model: "x.onnx", input: { … } }]; kd teacher inspect x.onnx prints all of it.',
    ],
    [
      { teacher: { tfjs: 'm/model.json' } },
      'Write ["tfjs", { model: "m/model.json", input: { … } }]; kd teacher inspect',
    ],
    [{ teacher: { pooled: { input: {} } } }, 'a function of its package: write ["pooled", {"input":{}}]'],
    [
      { teacher: 5 },
      'teacher: must be { weights: "a run folder or a checkpoint" } of a detector; of another family a name',
    ],
    [{ teacher: { weigths: 'runs/a' } }, 'teacher.weigths: there is no such key; did you mean "weights"?'],
    [{ teachers: { big: { wieghts: 'x' } } }, 'teachers.big.wieghts: there is no such key; did you mean "weights"?'],
    [
      { teacher: { weights: ['a', { prefx: 'x' }] } },
      'teacher.weights.1.prefx: there is no such key; did you mean "prefix"?',
    ],
    [{ student: ['retinanet'] }, 'or the result of a plugin function: write "retinanet"'],
    [{ student: { retinanet: { backbone: 'a' } } }, ': write ["retinanet", {"backbone":"a"}]'],
    [{ distillers: [{ name: 'ssim', weight: 1 }] }, 'distillers.0: must be a name, [name, { options }], '],
    [{ distillers: [{ name: 'ssim', weight: 1 }] }, ': write ["ssim", {"weight":1}]'],
    [{ distillers: 'ssim' }, 'distillers: must be a list; got "ssim": write ["ssim"]'],
    [{ inherit: 'nek' }, 'inherit: must be a list; got "nek": write ["neck"]'],
    [{ inherit: ['nek'] }, 'inherit.0: must be "neck" or "head"; got "nek"; did you mean "neck"?'],
    [
      { data: { ...valid.data, augment: ['flip'] } },
      'data.augment.0: must be { name }; got "flip": write { name: "flip" }',
    ],
    [
      { data: { ...valid.data, augment: 'flip' } },
      'data.augment: must be a list; got "flip": write [{ name: "flip" }]',
    ],
    [
      { teacher: { weights: 'a', classes: ['person'] } },
      '\n  teacher.classes: must be an object { … }; got a list [ … ]',
    ],
    [
      { teachers: { one: { weights: 'a', classes: [] } } },
      '\n  teachers.one.classes: must be an object { … }; got a list [ … ]',
    ],
    [{ teachers: [] }, '\n  teachers: must be an object { … }; got a list [ … ]'],
    [{ evaluate: [] }, '\n  evaluate: must be an object { … }; got a list [ … ]'],
    [{ data: { train: 'coco' } }, 'and so on return: write { format: "coco", … }'],
    [{ data: 'coco' }, 'data: must be { train, val, augment, workers, onBadImage, buckets }; got "coco"'],
    [{ optimizer: 'adam' }, 'got "adam": write { name: "adam", … }'],
    [{ optimizer: { name: 'adm', lr: 1 } }, 'must be "sgd", "adamw" or "adam"; got "adm"; did you mean "adam"?'],
    [{ optimizer: { name: 'adam', lr: 1, betas: 0.9 } }, 'optimizer.betas: must be a list of 2; got 0.9'],
    [
      { schedule: 'cosine' },
      'must be { kind, milestones, gamma, floor, by, warmup }; got "cosine": write { kind: "cosine" }',
    ],
    [{ schedule: { warmup: 500 } }, 'schedule.warmup: must be { steps, factor }; got 500: write { steps: 500 }'],
    [{ ema: 0.99 }, 'ema: must be { decay }; got 0.99: write { decay: 0.99 }'],
    [{ log: 10 }, 'log: must be { every }; got 10: write { every: 10 }'],
    [{ cacheTeacher: 'yes' }, 'cacheTeacher: must be true or false; got "yes"'],
    [{ epochs: '12' }, 'epochs: must be a number; got "12"'],
    [{ epochs: 1.5 }, 'epochs: must be a whole number; got 1.5'],
    [{ optimizer: { name: 'sgd', lr: NaN } }, 'optimizer.lr: must be a number; got NaN'],
    [{ optimizer: { name: 'sgd', lr: -1 } }, 'optimizer.lr: must be more than 0; got -1'],
    [{ student: '' }, 'student: must not be empty; got ""'],
  ])('shows the right form: %j', (part, words) => {
    const message = errorOf({ ...valid, ...part });
    expect(message).toContain(words);
    expect(message).not.toMatch(/Invalid|Expected|received/);
  });

  it('tells every fault at once', () => {
    expect(errorOf({ ...valid, epochs: 'many', batchSize: 0, sead: 1 }).split('\n')).toHaveLength(4);
  });

  it('takes a name, a name with options, one with an id, and what a plugin function returns', () => {
    const use = { definition: {}, options: {} };
    const distillers = ['ssim', ['pkd', { weight: 2 }], ['pkd', {}, { as: 'pkd-2' }], use];
    expect(parseConfig({ ...valid, distillers }, 'x').distillers).toEqual(distillers);
  });
});
