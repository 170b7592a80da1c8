import { type Backend, backends } from '../backends.js';
import { DetectError, messageOf } from '../detect-error.js';
import type { Detection, Detector } from '../detector.js';
import { load, readInfo } from '../load.js';
import { camera } from './camera.js';
import { element, made } from './element.js';
import { limited } from './limited.js';
import { type Shown, shown } from './picture.js';
import { NAMES, runtime, threads } from './runtime.js';

type Own = Exclude<Backend, 'cpu'>;

const [score, scoreShown] = [element('score', HTMLInputElement), element('score-shown', HTMLOutputElement)];
const [choice, choiceHint] = [element('backend', HTMLSelectElement), element('backend-hint', HTMLElement)];
const [problem, status] = [element('problem', HTMLElement), element('status', HTMLElement)];
const results = element('results', HTMLElement);

/** Images that are shown, with all that was found in them: another lowest score needs no network. */
const images: { readonly bitmap: ImageBitmap; readonly view: Shown; found: Detection[]; times: string }[] = [];
/** Pictures are kept in memory as long as they are shown. */
const KEPT = 50;

/** How long a graphics driver may take for the first image, in seconds: what has not answered by then may never. */
const PATIENCE = 60;

let model: Uint8Array;
let detector: Detector;
/** The last back end that was asked for: an earlier one that is ready later is not taken. */
let asked = 0;
let leaving: Promise<void> | undefined;
const software = new Set<string>();

element('off', HTMLElement).hidden = true;
start().catch(tell);

async function start(): Promise<void> {
  status.textContent = 'Loading the model …';
  const response = await fetch(new URL('../../model.onnx', import.meta.url));
  if (!response.ok)
    throw new Error(`model.onnx, beside this page, cannot be loaded: the server answers ${response.status}.`);
  model = new Uint8Array(await response.arrayBuffer());
  describe();
  await offerBackends();
  element('controls', HTMLFormElement).hidden = false;
  // Another back end may be chosen while one starts.
  choice.addEventListener(
    'change',
    () =>
      void use(choice.value as Own)
        .then(detectAgain)
        .catch(tell),
  );
  await use(choice.value as Own);
  score.addEventListener('input', redrawn);
  score.addEventListener('change', () => images.length > 0 && (status.textContent = summary()));
  addEventListener('resize', redrawn); // labels have the size of a text on the screen
  element('files', HTMLInputElement).addEventListener('change', ({ currentTarget }) => {
    const input = currentTarget as HTMLInputElement;
    void add([...(input.files ?? [])]).finally(() => (input.value = '')); // the same file may be chosen again
  });
  receiveDrops();
  film();
}

function describe(): void {
  const { detector: name, classes, metrics = {} } = readInfo(model);
  const title = `${name.toUpperCase()} detector`;
  document.title = title;
  element('title', HTMLElement).textContent = title;
  // The figure that the run was judged by comes first.
  const [main, ...others] = Object.entries(metrics).map(([key, value]) => `${key} ${shownFigure(value)}`);
  const size = model.length < 1e6 ? `${(model.length / 1e3).toFixed(0)} kB` : `${(model.length / 1e6).toFixed(1)} MB`;
  const finds =
    classes.length > 12 ? `${classes.slice(0, 12).join(', ')} and ${classes.length - 12} more` : classes.join(', ');
  element('about', HTMLElement).textContent = [
    `Finds ${finds}`,
    `model of ${size}`,
    ...(main === undefined ? [] : [main]),
  ].join(' · ');
  element('figures', HTMLUListElement).append(...others.map((text) => made('li', text)));
  element('more', HTMLDetailsElement).hidden = others.length === 0;
}

/** In percent; -1 stands for a figure that the data had no objects for. */
const shownFigure = (value: number): string =>
  value < 0 ? '–' : value <= 1 ? (100 * value).toFixed(1) : String(value);

async function offerBackends(): Promise<void> {
  for (const { name, missing, software: slow } of await backends()) {
    if (slow) software.add(name);
    const note = missing ?? (slow && 'without a graphics card, slow');
    const option = made('option', `${NAMES[name as Own]}${note === undefined ? '' : ` – ${note}`}`);
    Object.assign(option, { value: name, disabled: missing !== undefined });
    choice.append(option);
  }
  choice.value = choice.querySelector<HTMLOptionElement>('option:not(:disabled)')!.value;
}

/** Runs the model on a back end; one that does not take it is not offered again, and the next one is used. */
async function use(backend: Own): Promise<void> {
  const turn = ++asked;
  const started = performance.now();
  const told = (): void => {
    const seconds = Math.floor((performance.now() - started) / 1000);
    if (turn === asked) status.textContent = `Starting ${NAMES[backend]} …${seconds > 2 ? ` ${seconds} s` : ''}`;
  };
  told();
  const clock = setInterval(told, 1000);
  let own: Detector;
  try {
    own = await tried(await load(model, { backend, runtime: await runtime(backend) }));
  } catch (error) {
    return withdraw(backend, 'does not run this model', error, turn);
  } finally {
    clearInterval(clock);
  }
  if (turn !== asked) return own.dispose();
  const old = detector as Detector | undefined;
  detector = own;
  choice.value = backend;
  choiceHint.textContent = backend === 'wasm' ? `${threads()} ${threads() === 1 ? 'thread' : 'threads'}` : '';
  status.textContent = `Ready, on ${NAMES[backend]}.`;
  document.documentElement.dataset['backend'] = backend;
  await old?.dispose();
}

/** A back end that failed is not offered again, and the next one is used, unless another was chosen meanwhile. */
async function withdraw(backend: Own, why: string, error: unknown, turn: number): Promise<void> {
  const option = choice.querySelector<HTMLOptionElement>(`option[value=${backend}]`)!;
  option.disabled = true;
  option.textContent = `${NAMES[backend]} – ${why}`;
  if (turn !== asked) return;
  tell(error);
  const next = choice.querySelector<HTMLOptionElement>('option:not(:disabled)');
  if (!next) throw error;
  choice.value = next.value;
  return use(next.value as Own);
}

/** Some back ends take a model and fail when it runs, or never end; besides, the first image is the slowest. */
async function tried(own: Detector): Promise<Detector> {
  const backend = own.backend as Own;
  const first = own.detect({ data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 });
  try {
    // One without a graphics card takes its time, and was chosen all the same.
    await (backend === 'wasm' || software.has(backend) ? first : limited(first, PATIENCE));
  } catch (cause) {
    const message = `${NAMES[backend]} does not run this model: ${messageOf(cause)}`;
    throw new DetectError('BACKEND_MISSING', message, { cause });
  }
  return own;
}

async function add(files: readonly File[]): Promise<void> {
  problem.hidden = true;
  const refused: string[] = [];
  for (const file of files)
    try {
      const bitmap = await decoded(file);
      const view = shown(file.name);
      status.textContent = `Looking at ${file.name} …`;
      const image = { bitmap, view, found: [], times: '' };
      await find(image);
      results.prepend(view.article);
      images.unshift(image);
      for (const { bitmap: old, view } of images.splice(KEPT)) {
        old.close();
        view.article.remove();
      }
      status.textContent = redraw(image);
    } catch (error) {
      status.textContent = '';
      refused.push(messageOf(error));
      tell(new Error(refused.join('\n')));
    }
}

/** Upright and without its colour profile, as the detector was trained and tested. */
async function decoded(file: File): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, {
      colorSpaceConversion: 'none',
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
    });
  } catch (cause) {
    throw new DetectError('IMAGE_INVALID', `${file.name} is no image that this browser can read.`, { cause });
  }
}

async function find(image: (typeof images)[number]): Promise<void> {
  const { found, ms, backend } = await detected(image.bitmap);
  image.found = found;
  image.times = `${ms.toFixed(1)} ms on ${NAMES[backend]}`;
}

/** Detects on what there is: a back end that stops, as when the graphics device is lost, is left for the next one. */
async function detected(bitmap: ImageBitmap): Promise<{ found: Detection[]; ms: number; backend: Own }> {
  for (;;) {
    const own = detector;
    const backend = own.backend as Own;
    const start = performance.now();
    try {
      const found = await own.detect(bitmap);
      return { found, ms: performance.now() - start, backend };
    } catch (error) {
      if (!(error instanceof DetectError && error.code === 'BACKEND_MISSING')) throw error;
      const told = new Error(`${NAMES[backend]} stopped, and another back end goes on. ${messageOf(error)}`);
      const why = 'stopped: reload this page to try it again';
      if (detector === own) leaving ??= withdraw(backend, why, told, asked).finally(() => (leaving = undefined));
      await leaving;
    }
  }
}

async function detectAgain(): Promise<void> {
  for (const image of images) {
    await find(image);
    redraw(image);
  }
}

function redrawn(): void {
  scoreShown.textContent = Number(score.value).toFixed(2);
  images.forEach(redraw);
}

/** After another lowest score: what is left, for who does not see the pictures. */
function summary(): string {
  const objects = images.reduce((sum, { found }) => sum + enough(found).length, 0);
  return `${objects} ${objects === 1 ? 'object' : 'objects'} in ${images.length} ${images.length === 1 ? 'image' : 'images'} from ${score.value} on.`;
}

const enough = (found: readonly Detection[]): Detection[] => found.filter((one) => one.score >= Number(score.value));

const redraw = ({ bitmap, view, found, times }: (typeof images)[number]): string =>
  view.draw(bitmap, [bitmap.width, bitmap.height], enough(found), times);

function film(): void {
  const view = shown('Camera');
  let last = 0;
  camera(async (video) => {
    if (!view.article.isConnected) results.prepend(view.article);
    // What was seen is what is drawn: the film goes on meanwhile.
    const bitmap = await createImageBitmap(video);
    const { found, ms, backend } = await detected(bitmap);
    const rate = last === 0 ? '' : `, ${(1000 / (performance.now() - last)).toFixed(1)} images/s`;
    last = performance.now();
    view.draw(bitmap, [bitmap.width, bitmap.height], enough(found), `${ms.toFixed(1)} ms on ${NAMES[backend]}${rate}`);
    bitmap.close();
  }, tell);
}

function receiveDrops(): void {
  const root = document.documentElement;
  root.addEventListener('dragover', (event) => {
    event.preventDefault();
    root.classList.add('dropping');
  });
  root.addEventListener('dragleave', (event) => event.relatedTarget === null && root.classList.remove('dropping'));
  root.addEventListener('drop', (event) => {
    event.preventDefault();
    root.classList.remove('dropping');
    void add([...(event.dataTransfer?.files ?? [])]);
  });
}

/** What went wrong, for eyes and screen readers; the page goes on. */
function tell(error: unknown): void {
  problem.textContent = messageOf(error);
  problem.hidden = false;
}
