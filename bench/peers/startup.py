"""A process that imports torchvision, from its start to its end; one timed run for each line of input."""
import json
import subprocess
import sys
import time
from importlib.metadata import version

print(json.dumps({"peer": f"import torchvision {version('torchvision')}"}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torchvision"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)
