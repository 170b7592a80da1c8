import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

it('is below 15 kB, minified and gzipped, and imports nothing but onnxruntime', async () => {
  const built = await build({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      target: 'es2023',
      lib: { entry: fileURLToPath(new URL('./index.ts', import.meta.url)), formats: ['es'] },
      rolldownOptions: { external: /^onnxruntime-/ },
    },
  });
  const [{ output }] = built as unknown as [
    { output: { code: string; imports: string[]; dynamicImports: string[] }[] },
  ];
  const code = output.map((chunk) => chunk.code).join('');
  const bytes = gzipSync(code).length;
  console.log(`@kd/detect: ${bytes} bytes gzipped, ${code.length} minified`);
  expect(bytes).toBeLessThan(15_000);
  expect(bytes).toBeGreaterThan(1_000);
  expect(output.flatMap((chunk) => chunk.imports)).toEqual([]);
  expect(output.flatMap((chunk) => chunk.dynamicImports).every((name) => name.startsWith('onnxruntime-web'))).toBe(
    true,
  );
});
