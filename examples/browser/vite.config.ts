import { defineConfig } from 'vite';

/** With these a page has a SharedArrayBuffer, and the engine its threads. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
  // What the worker imports is known before it starts: else the page would be loaded anew while it trains.
  optimizeDeps: { entries: ['index.html', 'train.ts'] },
});
