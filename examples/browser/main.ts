import { Boxes } from './boxes.js';
import { Curve } from './curve.js';
import type { Message } from './messages.js';

const $ = <Kind extends Element = HTMLElement>(id: string): Kind => document.querySelector<Kind>(`#${id}`)!;
const [button, status, weights] = [$<HTMLButtonElement>('train'), $('status'), $<HTMLAnchorElement>('weights')];

const boxes = new Boxes();
await boxes.open($('pictures'));

let worker: Worker | null = null;

$<HTMLFormElement>('controls').onsubmit = (event) => {
  event.preventDefault();
  if (worker === null) start();
  else end('Stopped.');
};

function start(): void {
  button.textContent = 'Stop';
  weights.hidden = true;
  delete document.documentElement.dataset['state'];
  status.textContent = 'Loading WebAssembly and the teacher …';
  worker = new Worker(new URL('./train.ts', import.meta.url), { type: 'module' });
  let steps = 1;
  let classes: readonly string[] = [];
  let curve: Curve;
  worker.onerror = ({ message }) => end(message || 'The script that trains could not be loaded.', 'failed');
  worker.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === 'start') {
      ({ steps, classes } = data);
      curve = new Curve($('curve'), steps);
      status.textContent = `Training on ${data.threads === 1 ? 'one thread' : `${data.threads} threads`} …`;
    } else if (data.type === 'log') {
      curve.add(data.step, data.terms);
      status.textContent = `Step ${data.step} of ${steps}, ${duration(data.left)} left.`;
    } else if (data.type === 'evaluation') {
      $('figure').textContent = `After step ${data.step}: AP ${(100 * data.AP).toFixed(1)} on 48 other pictures.`;
      void boxes.draw(data.found, classes);
    } else if (data.type === 'weights') {
      URL.revokeObjectURL(weights.href);
      weights.href = URL.createObjectURL(new Blob([data.bytes]));
      weights.hidden = false;
    } else if (data.type === 'failed') {
      end(data.why, 'failed');
    } else {
      end(`Trained, ${steps} steps.`);
    }
  };
  worker.postMessage($<HTMLSelectElement>('method').value);
}

function end(said: string, state: 'ended' | 'failed' = 'ended'): void {
  worker?.terminate();
  worker = null;
  button.textContent = 'Train';
  status.textContent = said;
  document.documentElement.dataset['state'] = state;
}

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
