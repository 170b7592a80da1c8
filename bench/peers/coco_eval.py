"""pycocotools on an instances file and a result file: one timed evaluation for each line on standard input."""
import contextlib
import io
import json
import sys
import time
from importlib.metadata import version

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

quiet = lambda: contextlib.redirect_stdout(io.StringIO())

with quiet():
    truth = COCO(sys.argv[1])
    results = truth.loadRes(sys.argv[2])
print(json.dumps({"peer": f"pycocotools {version('pycocotools')}"}), flush=True)

for _ in sys.stdin:
    with quiet():
        evaluation = COCOeval(truth, results, "bbox")
        start = time.perf_counter()
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        ms = (time.perf_counter() - start) * 1000
    print(json.dumps({"ms": ms, "stats": [float(x) for x in evaluation.stats]}), flush=True)
