"""torch's convolutions on the same shapes, channels last: arguments are cases, images, threads; one timed round for each line of input."""
import json
import sys
import time

import torch
import torch.nn.functional as F

cases, images, threads = (json.loads(text) for text in sys.argv[1:])
torch.set_num_threads(threads)


def prepared(side, channels, stride, kernel, out=None):
    groups = channels if out is None else 1
    x = torch.randn(images, channels, side, side).to(memory_format=torch.channels_last)
    k = torch.randn(out or channels, channels // groups, kernel, kernel).to(memory_format=torch.channels_last)
    pad = kernel // 2
    dy = torch.randn_like(F.conv2d(x, k, None, stride, pad, 1, groups))
    gradient = lambda mask: torch.ops.aten.convolution_backward(
        dy, x, k, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups, mask)
    forward = lambda: F.conv2d(x, k, None, stride, pad, 1, groups)
    return [forward, lambda: (forward(), gradient([True, False, False])), lambda: (forward(), gradient([False, True, False]))]


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


runs = [prepared(*case) for case in cases]
print(json.dumps({"peer": f"torch {torch.__version__}"}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    times = [[timed(run) for run in of] for of in runs]
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000, "cases": times}), flush=True)
