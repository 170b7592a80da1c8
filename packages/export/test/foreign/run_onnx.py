"""Checks an ONNX file strictly, runs it in onnxruntime, and writes what it gives as JSON."""

import json
import sys

import numpy
import onnx
import onnxruntime

file, pixels, shape, out = sys.argv[1:]
model = onnx.load(file)
onnx.checker.check_model(model, full_check=True)
onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
images = numpy.fromfile(pixels, dtype=numpy.float32).reshape(json.loads(shape))
names = [output.name for output in session.get_outputs()]
found = dict(zip(names, session.run(None, {"images": images})))
with open(out, "w") as target:
    json.dump({name: {"dims": value.shape, "data": value.ravel().tolist()} for name, value in found.items()}, target)
