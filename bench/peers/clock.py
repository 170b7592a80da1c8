"""What scripts of peers that time steps answer with: a line about themselves, then one for each line of input."""
import json
import resource
import sys
import time


def answer(about, run):
    """`run` gives what its line holds besides its times and the peak memory."""
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        cpu = time.process_time()
        start = time.perf_counter()
        result = run()
        ms = (time.perf_counter() - start) * 1000
        cpu_ms = (time.process_time() - cpu) * 1000
        peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(json.dumps({"ms": ms, "cpu_ms": cpu_ms, "peak_mb": peak_mb, **result}), flush=True)
