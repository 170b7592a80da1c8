"""What an exported student finds on an image: python detect.py student.onnx photo.jpg. Needs onnxruntime, Pillow."""

import json
import sys

import numpy
import onnxruntime
from PIL import Image


def resized(image, height, width):
    """Bilinear without antialiasing, as the run resized: PIL and OpenCV have ways of their own, and scores move."""

    def along(pixels, axis, count):
        side = pixels.shape[axis]
        at = numpy.clip((numpy.arange(count) + 0.5) * side / count - 0.5, 0, side - 1)
        low = at.astype(int)
        share = (at - low).reshape([-1 if k == axis else 1 for k in range(3)])
        near, far = pixels.take(low, axis), pixels.take(numpy.minimum(low + 1, side - 1), axis)
        return near * (1 - share) + far * share

    return along(along(numpy.asarray(image, float), 0, height), 1, width).astype(numpy.float32)


session = onnxruntime.InferenceSession(sys.argv[1])
about = json.loads(session.get_modelmeta().custom_metadata_map["kd"])
height, width = about["input"]["size"]
image = Image.open(sys.argv[2]).convert("RGB")
boxes, scores, labels = session.run(["boxes", "scores", "labels"], {"images": resized(image, height, width)[None]})
boxes *= [image.width / width, image.height / height] * 2
for box, score, label in zip(boxes, scores, labels):
    if score >= 0.3:
        print(about["classes"][label], round(float(score), 2), box.round(1))
