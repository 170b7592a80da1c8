"""What scripts of peers that time steps answer with: a line about themselves, then one for each line of input."""
import json
import os
import resource
import sys
import time

# So many runs are timed at once, but the first: a graphics card ends one during the next.
STEPS = int(os.environ.get("KD_BENCH_STEPS", "1"))


def answer(about, run):
    """`run` gives what its line holds besides its times and the peak memory."""
    print(json.dumps(about), flush=True)
    count = 1
    for _ in sys.stdin:
        cpu = time.process_time()
        start = time.perf_counter()
        for _ in range(count):
            result = run()
        ms = (time.perf_counter() - start) * 1000 / count
        cpu_ms = (time.process_time() - cpu) * 1000 / count
        count = STEPS
        peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        card = getattr(sys.modules.get("torch"), "cuda", None)
        used = {"card_peak_mb": round(card.max_memory_reserved() / 2**20)} if card and card.is_initialized() else {}
        print(json.dumps(used | {"ms": ms, "cpu_ms": cpu_ms, "peak_mb": peak_mb, **result}), flush=True)
