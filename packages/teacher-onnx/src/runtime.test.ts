import { expect, test } from 'vitest';
import { onnxruntime, ownWords } from './runtime.js';

test('where onnxruntime-node is missing the line that adds it is told', async () => {
  const missing = 'a-package-that-nobody-has';
  await expect(onnxruntime(() => import(missing))).rejects.toMatchObject({
    code: 'PLUGIN_INVALID',
    message: expect.stringMatching(
      /not installed.*pnpm add -D --ignore-scripts onnxruntime-node .*inside of the package/,
    ) as string,
  });
  const broken = (): Promise<unknown> =>
    Promise.reject(new Error('libonnxruntime.so.1: cannot open shared object file'));
  await expect(onnxruntime(broken)).rejects.toThrow(/does not load: libonnxruntime.*Install it anew/);
});

test('what onnxruntime says is told without the lines of its source', () => {
  const said =
    "Non-zero status code returned while running Conv node. Name:'c1' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/nn/conv.cc:12 onnxruntime::Conv::Compute(OpKernelContext*) bad\nshape.";
  expect(ownWords(new Error(said))).toBe(
    "Non-zero status code returned while running Conv node. Name:'c1' Status Message: bad shape",
  );
});
