"""pytorch-msssim on the same maps: arguments are the file, shapes, threads; one timed forward and backward for each line of input."""
import json
import re
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import torch
from pytorch_msssim import ssim

warnings.simplefilter("ignore")
file, shapes, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)


def resident(field):
    with open("/proc/self/status") as status:
        return int(re.search(field + r":\s+(\d+) kB", status.read()).group(1)) / 1024


data = np.fromfile(file, dtype=np.float32)
at = 0


def take(shape):
    global at
    size = int(np.prod(shape))
    image = torch.from_numpy(data[at : at + size].reshape(shape)).permute(0, 3, 1, 2).contiguous()
    at += size
    image * image
    return image


students = [take(shape).requires_grad_() for shape in shapes]
teachers = [take(shape) for shape in shapes]
del data
before = resident("VmRSS")
print(json.dumps({"peer": f"pytorch-msssim {version('pytorch-msssim')}, torch {torch.__version__}"}), flush=True)

for _ in sys.stdin:
    for student in students:
        student.grad = None
    cpu = time.process_time()
    start = time.perf_counter()
    losses = [(1 - ssim(s, t, data_range=1.0)) / 2 for s, t in zip(students, teachers)]
    sum(losses).backward()
    ms = (time.perf_counter() - start) * 1000
    print(json.dumps({"ms": ms, "cpu_ms": (time.process_time() - cpu) * 1000, "rise_mb": resident("VmHWM") - before, "losses": [float(x) for x in losses]}), flush=True)
    del losses
