"""What an exported student finds on an image: python detect.py student.onnx photo.jpg. Needs onnxruntime, Pillow."""

import json
import math
import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps


def resized(image, height, width):
    """Bilinear without antialiasing, as the run resized: PIL and OpenCV have ways of their own, and scores move."""

    def along(pixels, axis, count):
        side = pixels.shape[axis]
        at = numpy.clip((numpy.arange(count) + 0.5) * side / count - 0.5, 0, side - 1)
        low = at.astype(int)
        share = (at - low).reshape([-1 if k == axis else 1 for k in range(3)])
        near, far = pixels.take(low, axis), pixels.take(numpy.minimum(low + 1, side - 1), axis)
        return near * (1 - share) + far * share

    return along(along(numpy.asarray(image, float), 0, height), 1, width)


def resized_size(height, width, rule, limit):
    """Stretched, or the short side `minSize` unless the long one exceeds `maxSize`; no larger than the model's input."""
    if rule["fixedSize"]:
        return rule["fixedSize"]
    half = 0.5 if rule.get("resize") == "mmdet" else 0
    scale = min(rule["minSize"][-1] / min(height, width), rule["maxSize"] / max(height, width))
    sides = [max(1, int(side * scale + half)) for side in (height, width)]
    fit = min([1] + [most / side for most, side in zip(limit or [], sides)])
    return sides if fit == 1 else [max(1, int(side * fit + half)) for side in sides]


session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["kd"])
if about["outputs"] != "detections":
    sys.exit(f"{sys.argv[1]} ends at the maps of the head: export it without --raw.")
rule, size = about["input"]["rule"], about["input"]["size"]
image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
height, width = resized_size(image.height, image.width, rule, size)
step = rule["sizeDivisible"]
full = size or [math.ceil(side / step) * step for side in (height, width)]

# What the image does not fill is the mean, in RGB from 0 to 255.
mean = numpy.array(rule["mean"])[:: -1 if rule.get("channels") == "bgr" else 1] * 255 / rule.get("range", 1)
images = numpy.tile(mean, [about["input"]["batch"] or 1, *full, 1])
images[0, :height, :width] = resized(image, height, width)
if about["input"]["dtype"] == "uint8" or rule.get("resize") == "mmdet":
    images = numpy.floor(images + 0.5)
if about["input"]["layout"] == "nchw":
    images = images.transpose(0, 3, 1, 2)
found = session.run(None, {"images": images.astype(about["input"]["dtype"])})
found = {output.name: values for output, values in zip(session.get_outputs(), found)}
first = found["image"] == 0 if "image" in found else slice(None)
boxes = numpy.clip(found["boxes"][first], 0, [width, height] * 2) * ([image.width / width, image.height / height] * 2)
for box, score, label in zip(boxes, found["scores"][first], found["labels"][first]):
    if score >= 0.3:
        print(about["classes"][label], round(float(score), 2), box.round(1))
