import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OnnxResult } from './run-onnx.js';

/** A Python with onnx and onnxruntime, where there is one. */
export const python = process.env['KD_PEER_PYTHON'];

/** The outputs of an ONNX file by name, after onnx.checker took it, run by onnxruntime of Python. */
export function runOnnxInPython(
  bytes: Uint8Array,
  images: Float32Array,
  shape: readonly number[],
): Record<string, OnnxResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'kd-export-'));
  try {
    const [model, input, out] = ['model.onnx', 'images.bin', 'found.json'].map((name) => join(scratch, name));
    writeFileSync(model!, bytes);
    writeFileSync(input!, images);
    const script = fileURLToPath(new URL('foreign/run_onnx.py', import.meta.url));
    execFileSync(python!, [script, model!, input!, JSON.stringify(shape), out!]);
    return JSON.parse(readFileSync(out!, 'utf8')) as Record<string, OnnxResult>;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
